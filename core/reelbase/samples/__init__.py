"""How the samples of a tensor are stored and read back."""

"""Adding many files to a tensor: finding them, recognizing those that it holds already, and adding the others."""

"""An open dataset: its transactions, its metadata and its names of credentials."""

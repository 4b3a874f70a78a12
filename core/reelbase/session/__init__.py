"""One open dataset: its transactions, metadata and names of credentials."""

"""Who may ask where: from a URL and the name of credentials to the storage that has it."""

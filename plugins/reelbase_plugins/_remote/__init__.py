"""What the storages on other machines share: options, and trying again."""

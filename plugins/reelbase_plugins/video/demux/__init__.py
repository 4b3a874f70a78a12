"""Files to packets."""

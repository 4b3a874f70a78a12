"""Reading of the packets that a file holds."""

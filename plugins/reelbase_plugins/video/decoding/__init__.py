"""Decoding of the packets that a plan names into frames."""

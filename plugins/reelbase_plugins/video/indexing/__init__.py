"""Packets to a frame index."""

"""Caches for byte ranges of remote objects that never change: in memory and, if configured, on disk."""

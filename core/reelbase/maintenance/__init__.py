"""Upkeep of a dataset's objects: laying small ones together, letting old versions go, checking, counting, copying."""

"""Bytes: ranges of objects, reads of many ranges at once, caches."""

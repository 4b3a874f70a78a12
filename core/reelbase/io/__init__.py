"""Reading bytes: ranges of stored objects, many ranges at once, and caches."""

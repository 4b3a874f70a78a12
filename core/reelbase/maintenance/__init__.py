"""Upkeep of a dataset's stored objects: compaction, expiry, garbage collection, verification, statistics, copies."""

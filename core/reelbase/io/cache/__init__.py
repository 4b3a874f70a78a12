"""What was read from afar is kept, by byte ranges of objects that never change: in memory and, if wanted, on disk."""

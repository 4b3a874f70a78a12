"""A folder of small files for the tests of `reelbase.ingest`."""

from __future__ import annotations

import struct
from pathlib import Path


class Files:
    """A folder to search, and what is put into it.

    Attributes:
        root: The folder.
        clip: A short clip.
    """

    def __init__(self, root: Path, clip: bytes) -> None:
        self.root = root
        self.clip = clip

    def content(self, mark: int) -> bytes:
        """The clip with a box of its own at the end: files with equal marks are equal, all have the same size."""
        return self.clip + struct.pack(">I4sI", 12, b"free", mark)

    def put(self, name: str, mark: int = 0) -> Path:
        return self.put_bytes(name, self.content(mark))

    def put_bytes(self, name: str, data: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

"""Packets just written, readable as a blob before they are stored."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

from reelbase.plugin import Blob

if TYPE_CHECKING:
    from collections.abc import Sequence


class SpoolSource:
    """A byte source over a file that is still open for writing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = Lock()

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop``; writing goes on at the end."""
        with self._lock:
            self._file.seek(start)
            data = self._file.read(-1 if stop is None else stop - start)
            self._file.seek(0, 2)
        return data

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges."""
        return [self.get(key, start, stop) for start, stop in ranges]


def spooled(file: BinaryIO) -> Blob:
    """All that was written to `file` so far."""
    return Blob(SpoolSource(file), "<packets>", 0, file.seek(0, 2))


def emptied(file: BinaryIO) -> None:
    """Take back what was written."""
    file.seek(0)
    file.truncate()

"""The file that packets are written to at ingest, readable before it is stored."""

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
        """Read the bytes ``start:stop``, and return to the end of the file, where writing continues."""
        with self._lock:
            self._file.seek(start)
            data = self._file.read(-1 if stop is None else stop - start)
            self._file.seek(0, 2)
        return data

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several ranges."""
        return [self.get(key, start, stop) for start, stop in ranges]


def open_spool(file: BinaryIO) -> Blob:
    """Return everything that was written to `file` so far, as a blob."""
    return Blob(SpoolSource(file), "<packets>", 0, file.seek(0, 2))


def clear_spool(file: BinaryIO) -> None:
    """Remove everything that was written to `file`."""
    file.seek(0)
    file.truncate()

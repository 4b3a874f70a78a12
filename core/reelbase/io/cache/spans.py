"""The byte ranges of one object that a cache holds."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Piece = tuple[int, bytes]  # where it starts, and its bytes


class Spans:
    """Disjoint pieces of one object, sorted by their first byte."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._data: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def overlapping(self, start: int, stop: int) -> list[Piece]:
        """The pieces that have bytes of ``start:stop``, in order."""
        at = max(bisect_right(self._starts, start) - 1, 0)
        found = []
        for first in self._starts[at:]:
            if first >= stop:
                break
            if first + len(self._data[first]) > start:
                found.append((first, self._data[first]))
        return found

    def add(self, start: int, data: bytes) -> bool:
        """Add a piece, and return True; False, and no change, if it is empty or overlaps a piece that is held."""
        if not data or self.overlapping(start, start + len(data)):
            return False
        insort(self._starts, start)
        self._data[start] = data
        return True

    def drop(self, start: int) -> int:
        """Remove the piece that starts at byte `start`, and return its size in bytes."""
        self._starts.remove(start)
        return len(self._data.pop(start))


def find_gaps(start: int, stop: int, pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    """Return the parts of ``start:stop`` that the pieces, which are in order, do not cover."""
    missing = []
    for first, data in pieces:
        if first > start:
            missing.append((start, min(first, stop)))
        start = max(start, first + len(data))
    if start < stop:
        missing.append((start, stop))
    return missing


def join_pieces(start: int, stop: int, pieces: Iterable[Piece]) -> bytes:
    """Return the bytes ``start:stop`` from pieces in order; fewer if a byte is missing: up to that byte."""
    parts, at = [], start
    for first, data in pieces:
        if first > at or at >= stop:
            break
        part = data[at - first : stop - first]
        parts.append(part)
        at += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)

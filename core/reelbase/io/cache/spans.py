"""Byte ranges of one object that are held."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Piece = tuple[int, bytes]  # where it starts, and its bytes


class Spans:
    """Disjoint pieces of one object, found by where they start."""

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
        """Hold one more piece; False, and nothing held, if some of it is there already."""
        if not data or self.overlapping(start, start + len(data)):
            return False
        insort(self._starts, start)
        self._data[start] = data
        return True

    def drop(self, start: int) -> int:
        """Let go of the piece that starts there; its size."""
        self._starts.remove(start)
        return len(self._data.pop(start))


def gaps(start: int, stop: int, pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    """What of ``start:stop`` the pieces, in order, do not have."""
    missing = []
    for first, data in pieces:
        if first > start:
            missing.append((start, min(first, stop)))
        start = max(start, first + len(data))
    if start < stop:
        missing.append((start, stop))
    return missing


def joined(start: int, stop: int, pieces: Iterable[Piece]) -> bytes:
    """The bytes ``start:stop`` out of pieces in order, up to the first that is missing."""
    parts, at = [], start
    for first, data in pieces:
        if first > at or at >= stop:
            break
        part = data[at - first : stop - first]
        parts.append(part)
        at += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)

"""A byte source for objects that never change. What was read is kept in the caches of this process.

The caches hold exactly the ranges that were read, not blocks of a fixed size: the index says which bytes are needed,
and a block would fetch more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reelbase._util.forks import reset_after_fork
from reelbase._util.once import Once
from reelbase.config import settings
from reelbase.io.blob import MERGE_GAP
from reelbase.io.cache.disk import Disk
from reelbase.io.cache.memory import Memory
from reelbase.io.cache.spans import find_gaps, join_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.io.blob import ByteSource
    from reelbase.io.cache.memory import Name
    from reelbase.io.cache.spans import Piece

MIN_READ_AHEAD_BYTES: Final = 1 << 20
MAX_READ_AHEAD_BYTES: Final = 8 << 20
MAX_WALKS_TRACKED: Final = 256


@dataclass(frozen=True)
class Cached:
    """Reads through the caches of this process.

    Attributes:
        source: The source to read from. Its objects must never change.
        identity: A text that differs for sources of different objects, in every process that shares the disk cache.
    """

    source: ByteSource
    identity: str

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` of an object."""
        return self.source.get(key, start) if stop is None else self.get_ranges(key, [(start, stop)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several ranges of an object. What the caches do not have is read with one call."""
        name, caches = (self.identity, key), _caches()
        held = [caches.find(name, *span) for span in ranges]
        missing = sorted({gap for span, pieces in zip(ranges, held, strict=True) for gap in find_gaps(*span, pieces)})
        fetched = self._fetch(name, ranges, _merge_overlaps(missing))
        return [
            join_pieces(*span, sorted([*pieces, *_select_overlapping(fetched, *span)], key=_get_start))
            for span, pieces in zip(ranges, held, strict=True)
        ]

    def _fetch(self, name: Name, ranges: Sequence[tuple[int, int]], missing: list[tuple[int, int]]) -> list[Piece]:
        caches = _caches()
        ahead = caches.walks.ahead(name, ranges)
        if not missing:
            return []
        missing[-1] = (missing[-1][0], max(missing[-1][1], caches.free(name, missing[-1][1], ahead)))
        parts = self.source.get_ranges(name[1], missing)
        fetched = [(start, part) for (start, _), part in zip(missing, parts, strict=True)]
        for start, part in fetched:
            caches.keep(name, start, part)
        return fetched


class Walks:
    """Notices sequential reads of an object, and says how far to read ahead: twice as far each time, up to 8 MiB.

    Reading ahead starts when a read continues where the last one ended for the second time. Random reads, such as of
    single frames, never fetch more than they need.
    """

    def __init__(self) -> None:
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Start with no reads known, and a new lock."""
        self._seen: OrderedDict[Name, tuple[int, int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def ahead(self, name: Name, ranges: Sequence[tuple[int, int]]) -> int:
        """Return the byte to read ahead to; 0 if the object is not read sequentially."""
        first, last = min(start for start, _ in ranges), max(stop for _, stop in ranges)
        with self._lock:
            start, stop, steps = self._seen.pop(name, (0, -1, 0))
            onward = start <= first <= stop + MERGE_GAP and last > stop >= 0
            steps = steps + 1 if onward else 0
            self._seen[name] = (first, last, steps)
            if len(self._seen) > MAX_WALKS_TRACKED:
                self._seen.popitem(last=False)
        return last + min(MIN_READ_AHEAD_BYTES << (steps - 2), MAX_READ_AHEAD_BYTES) if steps > 1 else 0


class _Caches:
    """The caches of this process: memory, then disk."""

    def __init__(self) -> None:
        chosen = settings()
        self.walks = Walks()
        self._memory = Memory(chosen.cache_bytes // 2)
        self._disk = Disk(Path(chosen.cache_dir).expanduser(), chosen.cache_dir_bytes) if chosen.cache_dir else None
        self._ahead = chosen.cache_bytes // 16

    def find(self, name: Name, start: int, stop: int) -> list[Piece]:
        found = self._memory.find(name, start, stop)
        missing = find_gaps(start, stop, found)
        if self._disk is None or not missing:
            return found
        for gap in missing:
            for first, data in self._disk.find(name, *gap):
                piece = data[: gap[1] - first]
                self._memory.keep(name, first, piece)
                found.append((first, piece))
        return sorted(found, key=_get_start)

    def keep(self, name: Name, start: int, data: bytes) -> None:
        self._memory.keep(name, start, data)
        if self._disk is not None:
            self._disk.keep(name, start, data)

    def free(self, name: Name, start: int, ahead: int) -> int:
        """Return how far to read on from `start`, up to `ahead`: to the first byte that is cached already."""
        stop = min(ahead, start + self._ahead)
        held = self._memory.find(name, start, stop) if stop > start else []
        return held[0][0] if held else stop


_caches = Once(_Caches)


def forget() -> None:
    """Empty the caches. They are made again by the configuration on their next use."""
    _caches.forget()


def _merge_overlaps(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join sorted spans that overlap, so that no byte is read twice."""
    found: list[tuple[int, int]] = []
    for start, stop in spans:
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def _get_start(piece: Piece) -> int:
    return piece[0]


def _select_overlapping(pieces: list[Piece], start: int, stop: int) -> list[Piece]:
    return [(first, data) for first, data in pieces if first < stop and first + len(data) > start]

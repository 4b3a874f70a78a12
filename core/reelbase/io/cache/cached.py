"""A byte source whose objects never change, and are kept as far as they were read."""

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
from reelbase.io.cache.spans import gaps, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.io.blob import ByteSource
    from reelbase.io.cache.memory import Name
    from reelbase.io.cache.spans import Piece

_FIRST: Final = 1 << 20
MAX_READ_AHEAD_BYTES: Final = 8 << 20
_WALKS: Final = 256


@dataclass(frozen=True)
class Cached:
    """Reads through the caches of this process.

    Attributes:
        source: Where the objects lie; none of them ever changes.
        identity: Tells sources of different objects apart, also in another process.
    """

    source: ByteSource
    identity: str

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` of an object."""
        return self.source.get(key, start) if stop is None else self.get_ranges(key, [(start, stop)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges of an object: what is not held of them is read with one call."""
        name, caches = (self.identity, key), _caches()
        held = [caches.held(name, *span) for span in ranges]
        missing = sorted({gap for span, pieces in zip(ranges, held, strict=True) for gap in gaps(*span, pieces)})
        fetched = self._fetch(name, ranges, _disjoint(missing))
        return [
            joined(*span, sorted([*pieces, *_within(fetched, *span)], key=_start))
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
    """Who walks through an object, and how far to read ahead of them: each time twice as far, up to 8 MiB.

    A walk is what asks, twice and more, from where it was on; a frame here and there is none, and costs no byte more.
    """

    def __init__(self) -> None:
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """None known."""
        self._seen: OrderedDict[Name, tuple[int, int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def ahead(self, name: Name, ranges: Sequence[tuple[int, int]]) -> int:
        """The byte to read up to, so that what is asked next is there; 0: nobody walks."""
        first, last = min(start for start, _ in ranges), max(stop for _, stop in ranges)
        with self._lock:
            start, stop, steps = self._seen.pop(name, (0, -1, 0))
            onward = start <= first <= stop + MERGE_GAP and last > stop >= 0
            steps = steps + 1 if onward else 0
            self._seen[name] = (first, last, steps)
            if len(self._seen) > _WALKS:
                self._seen.popitem(last=False)
        return last + min(_FIRST << (steps - 2), MAX_READ_AHEAD_BYTES) if steps > 1 else 0


class _Caches:
    """Memory, then disk."""

    def __init__(self) -> None:
        chosen = settings()
        self.walks = Walks()
        self._memory = Memory(chosen.cache_bytes // 2)
        self._disk = Disk(Path(chosen.cache_dir).expanduser(), chosen.cache_dir_bytes) if chosen.cache_dir else None
        self._ahead = chosen.cache_bytes // 16

    def held(self, name: Name, start: int, stop: int) -> list[Piece]:
        found = self._memory.held(name, start, stop)
        missing = gaps(start, stop, found)
        if self._disk is None or not missing:
            return found
        for gap in missing:
            for first, data in self._disk.held(name, *gap):
                piece = data[: gap[1] - first]
                self._memory.keep(name, first, piece)
                found.append((first, piece))
        return sorted(found, key=_start)

    def keep(self, name: Name, start: int, data: bytes) -> None:
        self._memory.keep(name, start, data)
        if self._disk is not None:
            self._disk.keep(name, start, data)

    def free(self, name: Name, start: int, ahead: int) -> int:
        """How far it is worth reading on from `start`, up to `ahead`: to where something is held already."""
        stop = min(ahead, start + self._ahead)
        held = self._memory.held(name, start, stop) if stop > start else []
        return held[0][0] if held else stop


_caches = Once(_Caches)


def forget() -> None:
    """Empty the caches, and make them as the configuration says on their next use."""
    _caches.forget()


def _disjoint(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted spans without what they share."""
    found: list[tuple[int, int]] = []
    for start, stop in spans:
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def _start(piece: Piece) -> int:
    return piece[0]


def _within(pieces: list[Piece], start: int, stop: int) -> list[Piece]:
    return [(first, data) for first, data in pieces if first < stop and first + len(data) > start]

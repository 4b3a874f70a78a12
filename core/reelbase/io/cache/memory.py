"""Pieces of many objects in memory, up to a number of bytes. The least recently used are dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from reelbase._util.forks import reset_after_fork
from reelbase.io.cache.spans import Spans

if TYPE_CHECKING:
    from reelbase.io.cache.spans import Piece

Name = tuple[str, str]  # of an object: what it belongs to, and its key there


class Memory:
    """A cache of pieces.

    Args:
        limit: Size of the cache in bytes. A piece of more than an eighth of it is not kept: it would displace too many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Start empty: at the moment of a fork another thread may have been changing the cache."""
        self._objects: dict[Name, Spans] = {}
        self._used: OrderedDict[tuple[Name, int], int] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self._bytes

    def find(self, name: Name, start: int, stop: int) -> list[Piece]:
        """Return the pieces that have bytes of ``start:stop``, in order."""
        with self._lock:
            spans = self._objects.get(name)
            found = spans.overlapping(start, stop) if spans else []
            for first, _ in found:
                self._used.move_to_end((name, first))
            return found

    def keep(self, name: Name, start: int, data: bytes) -> None:
        """Keep a piece, unless it is too large or overlaps a piece that is held."""
        if len(data) > self._limit // 8:
            return
        with self._lock:
            if not self._objects.setdefault(name, Spans()).add(start, data):
                return
            self._used[name, start] = len(data)
            self._bytes += len(data)
            while self._bytes > self._limit:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        (name, start), _ = self._used.popitem(last=False)
        spans = self._objects[name]
        self._bytes -= spans.drop(start)
        if not spans:
            del self._objects[name]

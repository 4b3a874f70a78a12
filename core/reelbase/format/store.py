"""A dataset's objects as one byte source: what is staged and not yet uploaded, then the storage."""

from __future__ import annotations

import threading
import uuid
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from reelbase._util.forks import reset_after_fork
from reelbase.credentials.resolver import Names
from reelbase.errors import StorageError
from reelbase.format import keys
from reelbase.io.cache.cached import Cached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reelbase.contracts.storage import Storage
    from reelbase.io.blob import ByteSource

T = TypeVar("T")
PACK_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Location:
    """Where bytes were put: object id, offset, size and crc32."""

    uid: bytes
    off: int
    size: int
    crc: int


class Store:
    """Objects of one dataset. Reads come from any thread; staging belongs to the one writer at a time.

    Args:
        storage: Where the objects lie.
        cache_bytes: Bound of the cache of decoded chunks and index pages; 0: nothing is kept, all is read again.

    Attributes:
        ours: The dataset was made in this process, or in the one that sent it here: what it links was linked by us.
        names: Of credentials that its links may name.
    """

    is_ours = False
    names = Names()

    def __init__(self, storage: Storage, *, cache_bytes: int = 256 << 20) -> None:
        self.storage = storage
        self.cache = Cache(cache_bytes)
        self._reset_after_fork()
        reset_after_fork(self)

    def __getstate__(self) -> tuple[Storage, Cache, bool, Names]:
        return self.storage, self.cache, self.is_ours, self.names

    def __setstate__(self, state: tuple[Storage, Cache, bool, Names]) -> None:
        self.storage, self.cache, self.is_ours, self.names = state
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Nothing staged, nothing uploaded, no lock held: after a fork these are the parent's."""
        self._staged: dict[str, bytearray] = {}
        self._pack = b""
        self._uploaded: list[str] = []
        self._lock = threading.Lock()
        kept = self.storage.distant and self.cache.limit > 0
        self._stored: ByteSource = Cached(self.storage, self.storage.root) if kept else self.storage

    @property
    def distant(self) -> bool:
        """As of the storage."""
        return self.storage.distant

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes of an object, staged ones included."""
        with self._lock:
            staged = self._staged.get(key)
            if staged is not None:
                return bytes(staged[start:stop])
        return self._stored.get(key, start, stop)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Several ranges of an object, staged ones included."""
        with self._lock:
            staged = self._staged.get(key)
            if staged is not None:
                return [bytes(staged[start:stop]) for start, stop in ranges]
        return self._stored.get_ranges(key, ranges)

    def add(self, data: bytes) -> Location:
        """Stage bytes in the open pack; a pack of 64 MiB is uploaded."""
        with self._lock:
            if not self._pack:
                fresh = uuid.uuid4().bytes
                self._staged[keys.pack(fresh)] = bytearray()
                self._pack = fresh
            uid, pack = self._pack, self._staged[keys.pack(self._pack)]
            off = len(pack)
            pack += data
        if off + len(data) >= PACK_BYTES:
            self.flush()
        return Location(uid, off, len(data), zlib.crc32(data))

    def add_object(self, key: str, data: bytes | BinaryIO) -> None:
        """Upload an object of its own under a fresh key."""
        self._uploaded.append(key)  # first, so that a write cut short is discarded too
        self.storage.put(key, data)

    def flush(self) -> None:
        """Upload all that is staged: it is durable when this returns. What cannot be uploaded stays staged."""
        with self._lock:
            self._pack = b""
            staged = list(self._staged.items())
        for key, pack in staged:
            self.add_object(key, bytes(pack))
            with self._lock:
                self._staged.pop(key, None)

    def keep_uploads(self) -> None:
        """What was uploaded so far may belong to a commit now: `discard` keeps it."""
        self._uploaded.clear()

    def discard(self) -> None:
        """Drop what is staged, and delete what was uploaded since `settle`, as far as that works."""
        with self._lock:
            self._staged.clear()
            self._pack = b""
            doomed, self._uploaded = self._uploaded, []
        for key in doomed:
            try:
                self.storage.delete(key)
            except StorageError:  # an orphan is harmless: nothing names it
                continue


class Cache:
    """Least-recently-used values bounded by bytes (`limit`); a value over an eighth of the bound is not kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Empty: at a fork another thread may be changing it."""
        self._held: OrderedDict[object, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def holds(self, key: object) -> bool:
        """Whether there is a value under `key`."""
        with self._lock:
            return key in self._held

    def get(self, key: object, make: Callable[[], tuple[T, int]]) -> T:
        """The value under `key`, made by `make` (value, bytes) if it is not held."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return cast("T", self._held[key][0])
        value, size = make()
        with self._lock:
            if size <= self.limit // 8 and key not in self._held:
                self._held[key] = (value, size)
                self._bytes += size
            while self._bytes > self.limit:
                self._bytes -= self._held.popitem(last=False)[1][1]
        return value

    def __getstate__(self) -> int:
        return self.limit

    def __setstate__(self, limit: int) -> None:
        self.__init__(limit)  # type: ignore[misc]

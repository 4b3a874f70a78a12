"""The objects of a dataset as one source of bytes: what is staged for upload first, then the storage."""

from __future__ import annotations

import threading
import time
import uuid
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from reelbase._util.forks import reset_after_fork
from reelbase.credentials.resolver import Names
from reelbase.errors import CommitConflictError, ObjectNotFoundError, StorageError
from reelbase.format import keys
from reelbase.io.cache.cached_source import Cached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reelbase.contracts.storage import Storage
    from reelbase.io.blob import ByteSource

T = TypeVar("T")
MAX_UNCHECKED_SECONDS = 3600.0  # that may pass between an upload and the commit that names it
MAX_CLOCK_STEP_SECONDS = 60.0
PACK_BYTES = 64 * 1024 * 1024  # a pack that reaches this size is uploaded


@dataclass(frozen=True)
class Location:
    """Where bytes were stored.

    Attributes:
        uid: Id of the object.
        off: Offset in the object.
        size: Number of bytes.
        crc: crc32 of the bytes.
    """

    uid: bytes
    off: int
    size: int
    crc: int


class Store:
    """The objects of one dataset.

    Any thread may read. Only one writer at a time may stage and upload.

    Args:
        storage: Where the objects are.
        cache_bytes: Limit of the cache of decoded chunks and index pages. With 0 nothing is cached, and bytes are read
            from the storage each time.

    Attributes:
        is_ours: True if the dataset was created in this process, or in the process that sent it here. Its links were
            then made by us, and are trusted.
        names: Names of the credentials that links of the dataset may use.
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
        """Start without staged or uploaded objects and with a new lock: after a fork, these are the parent's."""
        self._staged: dict[str, bytearray] = {}
        self._pack = b""
        self._uploaded: list[str] = []
        self._first_upload = (0.0, 0.0)  # by the steady clock, and by the one that can be set
        self._lock = threading.Lock()
        is_cached = self.storage.distant and self.cache.limit > 0
        self._stored: ByteSource = Cached(self.storage, self.storage.root) if is_cached else self.storage

    @property
    def distant(self) -> bool:
        """True if requests to the storage take long, as `Storage.distant` says."""
        return self.storage.distant

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes of an object, which may still be staged."""
        with self._lock:
            staged = self._staged.get(key)
            if staged is not None:
                return bytes(staged[start:stop])
        try:
            return self._stored.get(key, start, stop)
        except ObjectNotFoundError:
            raise self._make_missing_error(key) from None

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Return several ranges of an object, which may still be staged."""
        with self._lock:
            staged = self._staged.get(key)
            if staged is not None:
                return [bytes(staged[start:stop]) for start, stop in ranges]
        try:
            return self._stored.get_ranges(key, ranges)
        except ObjectNotFoundError:
            raise self._make_missing_error(key) from None

    def _make_missing_error(self, key: str) -> ObjectNotFoundError:
        # The user never wrote this key, so the storage's own advice, to check the path, would lead nowhere.
        return ObjectNotFoundError(
            f"{key} of the dataset at {self.storage.root!r} is missing.",
            "If the version was open for long, it may have expired and its data been deleted: load the dataset again. "
            "Otherwise `reelbase verify` lists what is damaged.",
        )

    def add(self, data: bytes) -> Location:
        """Stage bytes in the open pack, and return where they will be.

        A pack that reaches 64 MiB is uploaded. Reading back works at once.
        """
        with self._lock:
            if not self._pack:
                new_uid = uuid.uuid4().bytes
                self._staged[keys.pack(new_uid)] = bytearray()
                self._pack = new_uid
            uid, pack = self._pack, self._staged[keys.pack(self._pack)]
            off = len(pack)
            pack += data
        if off + len(data) >= PACK_BYTES:
            self.flush()
        return Location(uid, off, len(data), zlib.crc32(data))

    def add_object(self, key: str, data: bytes | BinaryIO) -> None:
        """Upload an object of its own. The key must be new."""
        if not self._uploaded:
            self._first_upload = time.monotonic(), time.time()
        # Before the write, so that `discard` also deletes an object whose write was interrupted.
        self._uploaded.append(key)
        self.storage.put(key, data)

    def flush(self) -> None:
        """Upload all that is staged. It is durable when this returns.

        If an upload fails, what was not uploaded stays staged.
        """
        with self._lock:
            self._pack = b""
            staged = list(self._staged.items())
        for key, pack in staged:
            self.add_object(key, bytes(pack))
            with self._lock:
                self._staged.pop(key, None)

    def keep_uploads(self) -> None:
        """Keep what was uploaded so far when `discard` is called, since a commit may refer to it now.

        Raises:
            CommitConflictError: garbage collection deleted some of it meanwhile.
        """
        self._check_uploads()
        self._uploaded.clear()

    def _check_uploads(self) -> None:
        """Check that what was uploaded is still there, if that took long, or a clock was set meanwhile.

        Garbage collection deletes objects that no commit names once they are older than its grace period, which it
        measures by the storage's clock.
        """
        if not self._uploaded:
            return
        lasted = time.monotonic() - self._first_upload[0]
        is_clock_steady = abs(time.time() - self._first_upload[1] - lasted) < MAX_CLOCK_STEP_SECONDS
        if lasted < MAX_UNCHECKED_SECONDS and is_clock_steady:
            return
        for key in self._uploaded:
            try:
                self.storage.stat(key)
            except ObjectNotFoundError:
                raise CommitConflictError(
                    f"{key}, which this commit needs, was deleted by garbage collection while it was written.",
                    "Nothing was committed; write it again. Let gc() keep a grace period longer than any transaction.",
                ) from None

    def discard(self) -> None:
        """Drop what is staged, and delete what was uploaded since `keep_uploads`, as far as possible."""
        with self._lock:
            self._staged.clear()
            self._pack = b""
            uploaded, self._uploaded = self._uploaded, []
        for key in uploaded:
            try:
                self.storage.delete(key)
            except StorageError:  # an object that no commit refers to is harmless, and gc deletes it later
                continue


class Cache:
    """A cache of the values that were used last.

    A value that takes more than an eighth of the limit is not kept, so that it does not push out everything else.

    Args:
        limit: Limit in bytes of all values together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Start empty: at the time of a fork, another thread may have been changing the cache."""
        self._held: OrderedDict[object, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def holds(self, key: object) -> bool:
        """Return True if there is a value for `key`."""
        with self._lock:
            return key in self._held

    def get(self, key: object, make: Callable[[], tuple[T, int]]) -> T:
        """Return the value for `key`.

        Args:
            key: The key.
            make: Returns the value and its size in bytes. It is called if there is no value yet.
        """
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return cast("T", self._held[key][0])
        value, size = make()  # without the lock, because it may read from a storage
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

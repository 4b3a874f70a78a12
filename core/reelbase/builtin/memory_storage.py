"""A storage in this process's memory, ``mem://name/…``, for tests and scratch work."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from reelbase._util.forks import call_after_fork
from reelbase.contracts.storage import Stat, Storage
from reelbase.errors import ObjectChangedError, ObjectExistsError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.contracts.credentials import Credentials

_SCHEME = "mem://"


@dataclass(frozen=True)
class _Object:
    data: bytes
    stat: Stat


@dataclass
class _Store:
    objects: dict[str, _Object] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_stores: dict[str, _Store] = {}
_versions = itertools.count(1)  # etags: each write in the process has its own


def _unlock() -> None:
    for store in _stores.values():
        store.lock = threading.Lock()


call_after_fork(_unlock)


class MemoryStorage(Storage):
    """Objects below ``mem://name/…``. All instances in a process share them; another process does not have them.

    Reads need no lock: objects are immutable, and a look-up in a dict is atomic.
    """

    distant = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root, options=options, credentials=credentials)
        name, _, folder = root.removeprefix(_SCHEME).strip("/").partition("/")
        self._prefix = f"{folder}/" if folder else ""
        self._store = _stores.setdefault(name, _Store())

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """See `Storage.get`."""
        found = self._find(key)
        if if_match is not None and if_match != found.stat.etag:
            raise ObjectChangedError(f"{self.root}/{key} was changed since it was opened.", "Open it again.")
        whole = start == 0 and (stop is None or stop >= len(found.data))
        return found.data if whole else found.data[start:stop]

    def stat(self, key: str) -> Stat:
        """See `Storage.stat`."""
        return self._find(key).stat

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """See `Storage.put`."""
        body = bytes(data if isinstance(data, (bytes, bytearray, memoryview)) else data.read())
        stat = Stat(size=len(body), etag=str(next(_versions)), modified=datetime.now(UTC))
        with self._store.lock:
            if if_absent and self._prefix + key in self._store.objects:
                raise ObjectExistsError(f"{self.root}/{key} exists.", "Nothing was written.")
            self._store.objects[self._prefix + key] = _Object(body, stat)

    def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        with self._store.lock:
            self._store.objects.pop(self._prefix + key, None)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """See `Storage.list`. Objects that are put or deleted while you iterate do not change the result."""
        with self._store.lock:
            objects = sorted(self._store.objects.items())
        for name, found in objects:
            if name.startswith(self._prefix + prefix):
                yield name[len(self._prefix) :], found.stat

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.root,))

    def _find(self, key: str) -> _Object:
        try:
            return self._store.objects[self._prefix + key]
        except KeyError:
            raise ObjectNotFoundError(f"No object {key!r} in {self.root}.", "Check the name.") from None

"""The storage contract: bytes under string keys below one root."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.contracts.credentials import Credentials

_READERS = 8
_TICK: Final = timedelta(seconds=3)  # times of files are as coarse as two seconds (FAT)


@dataclass(frozen=True, kw_only=True)
class Stat:
    """What a storage knows of an object.

    Attributes:
        size: Size in bytes.
        etag: Changes whenever the object does; None where the storage has no such thing.
        modified: Time of the last write, timezone-aware, or None.
    """

    size: int
    etag: str | None = None
    modified: datetime | None = None


class Storage(ABC):
    """Bytes under string keys below one root. Every method is safe to call from several threads.

    Instances can be pickled: data loaders hand them to other processes, which open their own.
    A plugin implements `get`, `stat` and, to be written to, `put`, `delete` and `list`.
    Subclass `reelbase.testing.StorageTests` to see that it keeps the contract.

    Args:
        root: What `locate` made of the user's URL.
        options: This storage's table of the configuration.
        credentials: What the user gave for this URL; None: what the service finds by itself, or nobody's.
    """

    #: False for a storage that can only be read: `put` and `delete` raise ReadOnlyError.
    writable: ClassVar[bool] = True

    #: False for a storage for one writer at a time: `put` with `if_absent` looks first and writes then, so of several
    #: that race more than one may win. True: exactly one does.
    racing: ClassVar[bool] = True

    #: Whether what is asked takes a while to come, as it does over a network: then several things are asked at a time,
    #: and what was read is kept. False for memory, and for a disk of this machine.
    distant: bool = True

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        self.root = root
        self.options = dict(options or {})
        self.credentials = credentials

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """Split the URL of one object into the root of a storage and the key below it."""
        root, _, key = url.rpartition("/")
        return root, key

    @abstractmethod
    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` (or the end) of an object, as far as it has them.

        Raises:
            ObjectNotFoundError: no such object.
            ObjectChangedError: its etag is not `if_match`.
            StorageError: it cannot be read.
        """

    @abstractmethod
    def stat(self, key: str) -> Stat:
        """Size and etag of an object.

        Raises:
            ObjectNotFoundError: no such object.
        """

    @abstractmethod
    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """Write a whole object; it stands, durable and whole, when this returns, or not at all.

        Args:
            key: The key to write to.
            data: The bytes, or a binary file to read to its end.
            if_absent: Let exactly one of several racing writers win.

        Raises:
            ObjectExistsError: with `if_absent`, there is an object.
            OutcomeUnknownError: the reply was lost: the object may stand.
            StorageFullError, ReadOnlyError, StorageError: it could not be written.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; a missing one is not an error."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """All objects whose key starts with `prefix`, in order of their keys."""

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """Several ``(start, stop)`` ranges of one object, in the order asked. By default a few threads call `get`."""
        if len(ranges) < 2:
            return [self.get(key, start, stop, if_match=if_match) for start, stop in ranges]
        with ThreadPoolExecutor(min(_READERS, len(ranges))) as pool:
            return list(pool.map(lambda span: self.get(key, *span, if_match=if_match), ranges))

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """What interrupted writes have left. They are not objects: `list` does not show them; `delete` removes them."""
        return iter(())

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """A URL that anyone may read the object at for that long, or None where there is no such thing."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r})"


@dataclass(frozen=True)
class Unchanging:
    """Objects of a storage as they were when they were looked at: a byte source for blobs.

    Attributes:
        storage: Where they lie.
        etag: What `Storage.stat` said; reads of an object that was replaced since raise ObjectChangedError. None, where
            a storage has no such thing: nobody sees that.
    """

    storage: Storage
    etag: str | None

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """As `Storage.get`."""
        return self.storage.get(key, start, stop, if_match=self.etag)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """As `Storage.get_ranges`."""
        return self.storage.get_ranges(key, ranges, if_match=self.etag)

    @property
    def distant(self) -> bool:
        """As of the storage."""
        return self.storage.distant

    def settled(self, key: str) -> bool:
        """Whether an object is near, was not written to just now, and each further write to it will be seen."""
        if self.storage.distant or self.etag is None:
            return False
        modified = self.storage.stat(key).modified
        return modified is not None and datetime.now(UTC) - modified > _TICK

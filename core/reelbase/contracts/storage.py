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

MAX_READ_THREADS = 8
#: A file last written longer ago has an etag that changes with the next write: file times can be as coarse as two
#: seconds (FAT), and a second write within the same tick would not show.
MIN_AGE_OF_RELIABLE_TIMES: Final = timedelta(seconds=3)


@dataclass(frozen=True, kw_only=True)
class Stat:
    """Facts about a stored object.

    Attributes:
        size: Size in bytes.
        etag: An identifier that changes whenever the object does; None if the storage has no etags.
        modified: Time of the last write, timezone-aware; None if the storage does not have it.
    """

    size: int
    etag: str | None = None
    modified: datetime | None = None


class Storage(ABC):
    """Bytes under string keys below one root. Every method is safe to call from several threads.

    Instances can be pickled: data loaders send them to other processes, which open their own connections.
    A plugin implements `get`, `stat` and, if the storage can be written to, `put`, `delete` and `list`.
    Subclass `reelbase.testing.StorageTests` to test a storage against the contract.

    Args:
        root: The folder or URL below which all keys are, as `locate` returns it.
        options: This storage's table ``[storage.<name>]`` of the configuration, and the user's own options.
        credentials: The credentials to use. None uses the service's default credential chain, or makes anonymous
            requests.
    """

    #: False for a storage that can only be read: `put` and `delete` raise ReadOnlyError.
    writable: ClassVar[bool] = True

    #: True if exactly one of several racing writers wins a `put` with `if_absent`. False for a storage for one writer
    #: at a time: it checks first and writes then, so more than one may win.
    racing: ClassVar[bool] = True

    #: True if each read takes a round trip over a network: then several reads are made at a time, and bytes are cached.
    #: False for memory, and for a disk of this machine.
    distant: bool = True

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        self.root = root
        self.options = dict(options or {})
        self.credentials = credentials

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> object | None:
        """Check the table ``[storage.<name>]``, for `reelbase config`. No request is sent.

        Args:
            options: The options that are set.

        Returns:
            A dataclass instance with all options; its docstring describes them under ``Attributes:``. None if this
            storage declares no options.

        Raises:
            ConfigError: an option is unknown, or its value is wrong.
        """
        return None

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """Split the URL of one object into the root of a storage and the key below it.

        Args:
            url: The URL or path of one file.

        Returns:
            ``(root, key)``.
        """
        root, _, key = url.rpartition("/")
        return root, key

    @abstractmethod
    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Read part of an object, or all of it.

        Args:
            key: The object's key.
            start: The first byte.
            stop: The byte to stop before; None reads to the end. If the object is shorter, fewer bytes are returned.
            if_match: The etag that the object must have; None accepts any.

        Raises:
            ObjectNotFoundError: there is no such object.
            ObjectChangedError: the object's etag is not `if_match`.
            StorageError: the object cannot be read.
        """

    @abstractmethod
    def stat(self, key: str) -> Stat:
        """Return size, etag and time of an object.

        Raises:
            ObjectNotFoundError: there is no such object.
        """

    @abstractmethod
    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """Write a whole object. When this returns, the object is complete and durable; readers never see half of it.

        Args:
            key: The key to write to.
            data: The bytes, or a binary file to read to its end.
            if_absent: Write only if there is no object of that key. Exactly one of several racing writers wins, if
                `racing` is True.

        Raises:
            ObjectExistsError: there is such an object (only with `if_absent`).
            OutcomeUnknownError: the reply was lost, so the object may or may not have been written.
            StorageFullError, ReadOnlyError, StorageError: the object could not be written.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object. If there is none, nothing happens."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """Yield key and facts of all objects whose key starts with `prefix`, in the order of their keys."""

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """Read several ranges of one object. By default up to eight threads call `get`.

        Args:
            key: The object's key.
            ranges: ``(start, stop)`` of each range, in bytes.
            if_match: The etag that the object must have, as in `get`.

        Returns:
            The bytes of each range, in the order of `ranges`.

        Raises as `get`.
        """
        if len(ranges) < 2:
            return [self.get(key, start, stop, if_match=if_match) for start, stop in ranges]
        with ThreadPoolExecutor(min(MAX_READ_THREADS, len(ranges))) as pool:
            return list(pool.map(lambda span: self.get(key, *span, if_match=if_match), ranges))

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """Yield what interrupted writes have left, such as temporary files and unfinished uploads.

        They are not objects: `list` does not include them. `delete` removes them by the keys that this yields.
        """
        return iter(())

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """Return a URL at which anyone can read the object, or None if the storage has no such URLs.

        Args:
            key: The object's key.
            seconds: How long the URL is valid.
        """
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r})"


@dataclass(frozen=True)
class Unchanging:
    """A byte source that reads one version of an object: a blob's reads fail if the object was replaced.

    Attributes:
        storage: The storage to read from.
        etag: The version's etag, from `Storage.stat`. Reads of another version raise ObjectChangedError. None if the
            storage has no etags: then a replaced object is not noticed.
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
        """As `Storage.distant`."""
        return self.storage.distant

    def is_settled(self, key: str) -> bool:
        """Return True if reading a local object twice surely returns the same bytes, or raises ObjectChangedError.

        That takes an etag, and a last write long enough ago that a further write changes the etag.
        """
        if self.storage.distant or self.etag is None:
            return False
        modified = self.storage.stat(key).modified
        return modified is not None and datetime.now(UTC) - modified > MIN_AGE_OF_RELIABLE_TIMES

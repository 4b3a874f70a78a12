"""The bytes behind a link, as they were when it was looked at."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from reelbase.contracts.storage import Unchanging
from reelbase.credentials.resolver import resolver
from reelbase.errors import CorruptObjectError, LinkChangedError, ObjectChangedError
from reelbase.io.blob import Blob
from reelbase.io.cache.cached import Cached
from reelbase.links.urls import checked
from reelbase.media.sample import Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.contracts.storage import Stat, Storage
    from reelbase.io.blob import ByteSource
    from reelbase.links.local import Home


@dataclass(frozen=True)
class Pin:
    """A link as it is stored: what it names, and what was seen there.

    Attributes:
        url: Of the file.
        creds_key: Name of the credentials.
        size: Bytes; None: nobody has looked yet.
        etag: As the storage gave it.
        modified: ISO 8601; where a storage has no etags.
    """

    url: str
    creds_key: str | None = None
    size: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def shown(self) -> str:
        """The URL for messages and ``sample_info``, without its query."""
        return self.url.partition("?")[0]

    @property
    def link(self) -> Link:
        """As a value that can be appended."""
        return Link(self.url, self.creds_key)

    def seen(self, stat: Stat) -> Pin:
        """Pinned to what the storage says now."""
        modified = None if stat.etag or stat.modified is None else stat.modified.isoformat()
        return Pin(self.url, self.creds_key, stat.size, stat.etag, modified)

    def locate(self, home: Home) -> tuple[Storage, str]:
        """Where it lies; every rule is checked again.

        Raises:
            LinkRefusedError: it may not be followed.
            UsageError, PluginError: it cannot be.
        """
        url = checked(self.url)
        home.check_scheme(url)
        storage, key = resolver().follow(url, self.creds_key, home.names)
        home.check_place(url, storage, key)
        return storage, key

    def blob(self, home: Home) -> Blob:
        """Its bytes, read when they are asked for; reads of a file that was replaced raise LinkChangedError."""
        return Blob(_source(self, home), self.shown, 0, self.size or 0)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that is stored."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Pin:
        """The inverse of `as_dict`.

        Raises:
            CorruptObjectError: it is none.
        """
        known = {name: stored.get(name) for name in ("url", "creds_key", "etag", "modified")}
        size = stored.get("size")
        texts = all(one is None or isinstance(one, str) for one in known.values())
        if not texts or not known["url"] or not (size is None or (isinstance(size, int) and size >= 0)):
            raise CorruptObjectError("A stored link does not add up.", "Restore it from a copy.")
        return cls(**known, size=size)  # type: ignore[arg-type]


class LinkSource:
    """A byte source that opens its link on first use, in each process. Blobs of one link share one (see `Pin.blob`)."""

    def __init__(self, pin: Pin, home: Home) -> None:
        self._pin = pin
        self._home = home
        self._opened: tuple[ByteSource, Storage, str] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (_source, (self._pin, self._home))

    @property
    def distant(self) -> bool:
        """As of the storage that it leads to."""
        return self._pin.locate(self._home)[0].distant

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop``; the key is for messages only."""
        with self._changes():
            source, name = self._open()
            return source.get(name, start, stop)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Several ranges."""
        with self._changes():
            source, name = self._open()
            return source.get_ranges(name, ranges)

    def _open(self) -> tuple[ByteSource, str]:
        if self._opened is None:
            storage, key = self._pin.locate(self._home)
            self._opened = (self._kept(storage), storage, key)
        source, storage, key = self._opened
        self._home.check_place(self._pin.url, storage, key)
        if self._pin.etag is None and self._pin.seen(storage.stat(key)) != self._pin:  # else the storage compares etags
            raise ObjectChangedError(self._pin.shown)
        return source, key

    def _kept(self, storage: Storage) -> ByteSource:
        pin, source = self._pin, Unchanging(storage, self._pin.etag)
        if not storage.distant or pin.etag is None:
            return source
        return Cached(source, f"link {pin.url} {pin.creds_key} {pin.etag} {pin.size}")

    @contextmanager
    def _changes(self) -> Iterator[None]:
        try:
            yield
        except ObjectChangedError:
            raise LinkChangedError(
                f"{self._pin.shown} was replaced since it was linked.",
                "tensor.links.reindex() takes it as it is now; until then its frames are not read.",
            ) from None


_sources: WeakValueDictionary[tuple[Pin, Home], LinkSource] = WeakValueDictionary()


def _source(pin: Pin, home: Home) -> LinkSource:
    """One source for equal links, so that what several samples need of a file is read together."""
    return _sources.setdefault((pin, home), LinkSource(pin, home))

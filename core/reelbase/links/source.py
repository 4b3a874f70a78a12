"""The bytes behind a link, in the version that was there when it was looked at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from reelbase.contracts.storage import Unchanging
from reelbase.credentials.resolver import resolver
from reelbase.errors import LinkChangedError, ObjectChangedError
from reelbase.io.blob import Blob
from reelbase.io.cache.cached_source import Cached
from reelbase.links.urls import check_url
from reelbase.media.stored_link import Pin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reelbase.contracts.storage import Stat, Storage
    from reelbase.io.blob import ByteSource
    from reelbase.links.local import Home


def pin_version(pin: Pin, stat: Stat) -> Pin:
    """The same link, pinned to the version that the storage has now."""
    modified = None if stat.etag or stat.modified is None else stat.modified.isoformat()
    return Pin(pin.url, pin.creds_key, stat.size, stat.etag, modified)


def locate(pin: Pin, home: Home) -> tuple[Storage, str]:
    """The storage and key of a link; every rule is checked again, since the configuration may have changed.

    Raises:
        LinkRefusedError: the rules for links forbid to follow it.
        UsageError, PluginError: no storage can.
    """
    url = check_url(pin.url)
    home.check_scheme(url)
    storage, key = resolver().follow(url, pin.creds_key, home.names)
    home.check_place(url, storage, key)
    return storage, key


def open_link(pin: Pin, home: Home) -> Blob:
    """The bytes of a link, read on demand; a read of a file that was replaced raises LinkChangedError."""
    return Blob(_shared_source(pin, home), pin.shown, 0, pin.size or 0)


class LinkSource:
    """A byte source that opens its link on first use, in each process. Equal links share one (see `open_link`)."""

    def __init__(self, pin: Pin, home: Home) -> None:
        self._pin = pin
        self._home = home
        self._opened: tuple[ByteSource, Storage, str] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (_shared_source, (self._pin, self._home))

    @property
    def distant(self) -> bool:
        """True if the storage that the link leads to is."""
        return locate(self._pin, self._home)[0].distant

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop``; the key is for messages only."""
        with self._changes_reported():
            source, name = self._open()
            return source.get(name, start, stop)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Several ranges."""
        with self._changes_reported():
            source, name = self._open()
            return source.get_ranges(name, ranges)

    def _open(self) -> tuple[ByteSource, str]:
        if self._opened is None:
            storage, key = locate(self._pin, self._home)
            self._opened = (self._cache(storage), storage, key)
        source, storage, key = self._opened
        self._home.check_place(self._pin.url, storage, key)
        # With an etag the storage compares versions with each read; without, a look before the read is all there is.
        if self._pin.etag is None and pin_version(self._pin, storage.stat(key)) != self._pin:
            raise ObjectChangedError(self._pin.shown)
        return source, key

    def _cache(self, storage: Storage) -> ByteSource:
        pin, source = self._pin, Unchanging(storage, self._pin.etag)
        if not storage.distant or pin.etag is None:
            return source
        return Cached(source, f"link {pin.url} {pin.creds_key} {pin.etag} {pin.size}")

    @contextmanager
    def _changes_reported(self) -> Iterator[None]:
        try:
            yield
        except ObjectChangedError:
            raise LinkChangedError(
                f"{self._pin.shown} was replaced since it was linked.",
                "tensor.links.reindex() takes it as it is now; until then its frames are not read.",
            ) from None


_sources: WeakValueDictionary[tuple[Pin, Home], LinkSource] = WeakValueDictionary()


def _shared_source(pin: Pin, home: Home) -> LinkSource:
    """One source for equal links, so that what several samples need of a file is read together."""
    return _sources.setdefault((pin, home), LinkSource(pin, home))

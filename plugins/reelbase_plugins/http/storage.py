"""Read-only storage on web servers, with range requests."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from reelbase.errors import BadReplyError, ListingNotSupportedError, ObjectChangedError, ReadOnlyError, StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins._remote.options import parse_options
from reelbase_plugins._remote.retry import RetryPolicy
from reelbase_plugins.http import file_stat
from reelbase_plugins.http.address import Address
from reelbase_plugins.http.client import Client
from reelbase_plugins.http.connections import map_threads
from reelbase_plugins.http.guard import ANY, Guard
from reelbase_plugins.http.login import Login
from reelbase_plugins.http.ranges import Part, Wanted, read_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

    from reelbase.plugin import Credentials


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the table ``[storage.http]``.

    Attributes:
        timeout: Seconds to wait for a connection, and for the next bytes of a reply.
        tries: Highest number of tries of one request.
        deadline: Seconds for one call with all its tries.
        concurrency: Highest number of requests at a time of one `get_ranges`.
        network: Addresses that may be reached: "any", "public", or networks such as ``10.2.0.0/16``, separated by
            commas.
    """

    timeout: float = 30.0
    tries: int = 6
    deadline: float = 120.0
    concurrency: int = 8
    network: str = ANY


class HttpStorage(Storage):
    """Files below one folder of a web server.

    Args:
        root: ``http://`` or ``https://`` URL. Its query, if any, is sent with every request and never shown: it may
            hold a signature or an access token.
        options: See `Options`.
        credentials: See `Login`. They are sent to this server only, not to others that it redirects to.
    """

    writable: ClassVar[bool] = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        self._folder = Address.of(root)
        super().__init__(self._folder.folder, options=options, credentials=credentials)
        chosen = self.parse_options(self.options)
        self._client = Client(Login(credentials), chosen.timeout, Guard.of(chosen.network))
        self._retry_policy = RetryPolicy(tries=chosen.tries, deadline=chosen.deadline, credentials=credentials)
        self._concurrency = chosen.concurrency

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> Options:
        """Check the options of `Options`."""
        return parse_options(Options, options, "storage.http")

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """Split a URL into the folder, with the query of the URL (it may hold a signature), and the file name.

        A name whose encoding cannot be restored from the decoded name (``a%2Fb.mp4``) is kept encoded after a slash.
        """
        return Address.of(url).split()

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Read a file or a part of it with one request."""
        return self._read_range(key, Wanted(start, stop, if_match)).data

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None) -> list[bytes]:
        """Read several parts of a file with one request each, and check that all are of the same version."""
        wanted = [Wanted(start, stop, if_match) for start, stop in ranges]
        cancelled = Event()
        try:
            parts = map_threads(lambda item: self._read_range(key, item, cancelled), wanted, self._concurrency)
        finally:
            cancelled.set()
        # Parts of two versions must not be mixed, also without if_match.
        if len({part.etag for part in parts if part.etag}) > 1 or len({part.total for part in parts if part.total}) > 1:
            raise ObjectChangedError(f"{self._folder.below(key)} was changed while it was read.", "Read it again.")
        return [part.data for part in parts]

    def stat(self, key: str) -> Stat:
        """Return size, etag and time of modification; takes two requests if the server does not support HEAD."""
        address = self._folder.below(key)

        def once(left: float) -> Stat:
            with self._client.ask("HEAD", address, {}, left) as reply:
                found = file_stat.read_head(reply)
            if found is not None:
                return found
            with self._client.ask("GET", address, file_stat.FIRST_BYTE, left) as reply:
                return file_stat.read_first_byte(reply)

        return self._retry_policy.call(once)

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> NoReturn:
        """Raise ReadOnlyError: web servers are read-only."""
        raise self._make_read_only_error(key)

    def delete(self, key: str) -> NoReturn:
        """Raise ReadOnlyError: web servers are read-only."""
        raise self._make_read_only_error(key)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """Raise ListingNotSupportedError: web servers cannot list files."""
        raise ListingNotSupportedError(
            f"Web servers cannot list files: {self!r}.", "Name the files, or copy the folder to a local disk."
        )

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """Return the URL of a file; None if reading it takes credentials."""
        return None if self.credentials else self._folder.below(key).url

    def _read_range(self, key: str, wanted: Wanted, cancelled: Event | None = None) -> Part:
        """Read one range. Once `cancelled` is set, no further request is sent."""
        address = self._folder.below(key)
        if wanted.stop is not None and wanted.stop <= wanted.start:
            return Part(b"", None, None)

        def once(left: float) -> Part | None:
            if cancelled is not None and cancelled.is_set():
                raise StorageError(f"{address}: another part of it could not be read.", None)
            with self._client.ask("GET", address, wanted.headers, left) as reply:
                return read_part(reply, wanted)

        # None: the server says that the range is beyond the end. That is only right if the object is that short.
        return self._retry_policy.call(once) or self._check_beyond_end(key, wanted)

    def _check_beyond_end(self, key: str, wanted: Wanted) -> Part:
        """Return an empty part, after checking that the object ends before the requested range."""
        size = self.stat(key).size
        if size > wanted.start:
            raise BadReplyError(
                f"{self._folder.below(key)}: the server has no bytes from {wanted.start} on, of {size}.",
                "Check the server, and any proxy in front of it.",
            )
        return Part(b"", None, size)

    def _make_read_only_error(self, key: str) -> ReadOnlyError:
        return ReadOnlyError(f"{self._folder.below(key)} cannot be written: web servers are read-only.", None)

    def __repr__(self) -> str:
        return f"HttpStorage({str(self._folder)!r})"

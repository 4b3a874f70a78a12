"""Storage on web servers: to read, in ranges."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from reelbase.errors import BadReplyError, ObjectChangedError, ReadOnlyError, StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins._remote.options import parsed
from reelbase_plugins._remote.retry import RetryPolicy
from reelbase_plugins.http import stats
from reelbase_plugins.http.address import Address
from reelbase_plugins.http.client import Client
from reelbase_plugins.http.connections import map_threads
from reelbase_plugins.http.guard import ANY, Guard
from reelbase_plugins.http.login import Login
from reelbase_plugins.http.ranges import Part, Wanted, part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

    from reelbase.plugin import Credentials


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the table ``[storage.http]``.

    Attributes:
        timeout: Seconds that a server may say nothing.
        tries: Most tries of one request.
        deadline: Seconds for one call in all.
        concurrency: Requests in flight of one `get_ranges`.
        network: Addresses that may be reached: "any", "public", or networks such as ``10.2.0.0/16`` (commas between).
    """

    timeout: float = 30.0
    tries: int = 6
    deadline: float = 120.0
    concurrency: int = 8
    network: str = ANY


class HttpStorage(Storage):
    """Files below one folder of a web server.

    Args:
        root: ``http://`` or ``https://``; its query, if it has one, goes with every request and is never shown.
        options: See `Options`.
        credentials: See `Login`; sent to this server, and to no other that it redirects to.
    """

    writable: ClassVar[bool] = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        self._folder = Address.of(root)
        super().__init__(self._folder.folder, options=options, credentials=credentials)
        chosen = parsed(Options, self.options, "storage.http")
        self._client = Client(Login(credentials), chosen.timeout, Guard.of(chosen.network))
        self._patience = RetryPolicy(tries=chosen.tries, deadline=chosen.deadline)
        self._concurrency = chosen.concurrency

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """The folder with the file's query, where signatures stand, and the file's name.

        A name that would be spelled in another way (``a%2Fb.mp4``) stays as it is, after a slash.
        """
        return Address.of(url).split()

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says; one request, unless it fails."""
        return self._part(key, Wanted(start, stop, if_match)).data

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None) -> list[bytes]:
        """As the contract says; one request a range, all of one and the same object."""
        wanted = [Wanted(start, stop, if_match) for start, stop in ranges]
        ended = Event()
        try:
            parts = map_threads(lambda one: self._part(key, one, ended), wanted, self._concurrency)
        finally:
            ended.set()
        if len({one.etag for one in parts if one.etag}) > 1 or len({one.total for one in parts if one.total}) > 1:
            raise ObjectChangedError(f"{self._folder.below(key)} was changed while it was read.", "Read it again.")
        return [one.data for one in parts]

    def stat(self, key: str) -> Stat:
        """As the contract says; two requests where a server does not answer HEAD."""
        address = self._folder.below(key)

        def once(left: float) -> Stat:
            with self._client.ask("HEAD", address, {}, left) as reply:
                found = stats.of_head(reply)
            if found is not None:
                return found
            with self._client.ask("GET", address, stats.FIRST_BYTE, left) as reply:
                return stats.of_first_byte(reply)

        return self._patience.call(once)

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> NoReturn:
        """Not possible."""
        raise self._read_only(key)

    def delete(self, key: str) -> NoReturn:
        """Not possible."""
        raise self._read_only(key)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """Not possible."""
        raise StorageError(
            f"A web server does not list its files: {self!r}.", "Ask for files by name, or copy the folder."
        )

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """The URL itself, if it needs no credentials."""
        return None if self.credentials else self._folder.below(key).url

    def _part(self, key: str, wanted: Wanted, ended: Event | None = None) -> Part:
        """One range; nothing is asked any more once `ended` is set."""
        address = self._folder.below(key)
        if wanted.stop is not None and wanted.stop <= wanted.start:
            return Part(b"", None, None)

        def once(left: float) -> Part | None:
            if ended is not None and ended.is_set():
                raise StorageError(f"{address}: another part of it could not be read.", None)
            with self._client.ask("GET", address, wanted.headers, left) as reply:
                return part(reply, wanted)

        return self._patience.call(once) or self._after_end(key, wanted)

    def _after_end(self, key: str, wanted: Wanted) -> Part:
        """Nothing, if the object is too short for what was wanted."""
        size = self.stat(key).size
        if size > wanted.start:
            raise BadReplyError(
                f"{self._folder.below(key)}: the server has no bytes from {wanted.start} on, of {size}.",
                "Check the server and what stands before it.",
            )
        return Part(b"", None, size)

    def _read_only(self, key: str) -> ReadOnlyError:
        return ReadOnlyError(f"{self._folder.below(key)} cannot be written: web servers are only read.", None)

    def __repr__(self) -> str:
        return f"HttpStorage({str(self._folder)!r})"

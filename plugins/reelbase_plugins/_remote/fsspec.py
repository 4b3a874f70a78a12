"""Base classes of the storages in buckets. Requests go through the session of an fsspec filesystem."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol, TypeVar

from reelbase.errors import OutcomeUnknownError, StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins._remote.buckets import Place, split_url
from reelbase_plugins._remote.options import parse_options
from reelbase_plugins._remote.pieces import Span, split_into_pieces
from reelbase_plugins._remote.refusals import Lost
from reelbase_plugins._remote.retry import RetryPolicy, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from reelbase.plugin import Credentials
    from reelbase_plugins._remote.clients import Client

Result = TypeVar("Result")


class Options(Protocol):
    """The options that all bucket storages have."""

    timeout: float
    tries: int
    deadline: float
    concurrency: int


class Bucket(ABC):
    """The requests to one bucket. Each method sends one request and checks the reply.

    Methods raise StorageErrors and the exceptions of the libraries; `BucketStorage.failure` translates the latter.
    """

    client: Client[Any]

    @property
    def ordered(self) -> bool:
        """Whether the service lists objects sorted by name. If not, `BucketStorage.list` sorts the whole list."""
        return True

    @abstractmethod
    async def read(self, name: str, span: Span, if_match: str | None, url: str) -> bytes:
        """Read a part of an object; empty if the object ends before `span`.

        Args:
            name: Name of the object in the bucket.
            span: Which bytes.
            if_match: Version that the object must have; None accepts any.
            url: URL of the object, for messages.
        """

    @abstractmethod
    async def head(self, name: str) -> Stat:
        """Return size, version and time of modification of an object."""

    @abstractmethod
    async def write(self, name: str, body: bytes, *, if_absent: bool) -> None:
        """Write an object with one request."""

    @abstractmethod
    async def remove(self, name: str) -> None:
        """Delete an object."""

    @abstractmethod
    async def list_page(self, prefix: str, token: Any) -> tuple[list[tuple[str, Stat]], Any]:
        """Return one page of the list of objects, and the token of the next page (None after the last one)."""

    @abstractmethod
    async def sign(self, name: str, seconds: int) -> str | None:
        """Return a URL at which anyone may read the object for `seconds`; None if the credentials cannot sign."""


class BucketStorage(Storage):
    """Objects below ``scheme://bucket/folder``.

    Args:
        root: URL of the folder.
        options: Options of the storage, listed in the guide; always those of `Options` and some of its own.
        credentials: Fields of the service's credentials. None uses the service's default credential chain, and
            anonymous access if that finds none.
    """

    #: Dataclass of this storage's options; it has the fields of `Options`.
    table: ClassVar[type]
    #: Name of the plugin.
    name: ClassVar[str]

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root.removesuffix("/"), options=options, credentials=credentials)
        self.place = Place.parse(root)
        self.settings = self.parse_options(self.options)
        self._retry_policy = RetryPolicy(
            tries=self.settings.tries, deadline=self.settings.deadline, credentials=credentials
        )
        self._opened: tuple[int, Bucket] | None = None

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> Any:
        """Check the options of `table`."""
        return parse_options(cls.table, options, f"storage.{cls.name}")

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """Split a URL into bucket and object name. Folders are part of the name, so their files share a storage."""
        return split_url(url)

    @staticmethod
    @abstractmethod
    def failure(error: Exception, url: str) -> StorageError | Transient | None:
        """Translate an exception of the libraries for the object at `url`; None if it is not about the service."""

    @abstractmethod
    def _open(self) -> Bucket:
        """Open the bucket for this process."""

    @abstractmethod
    def _upload(self, name: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        """Write an object of at least two pieces. If that fails, the uploaded pieces are deleted."""

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Read an object or a part of it with one request."""
        name, url, span = self.place.make_name(key), self.place.make_label(key), Span(start, stop)
        if span.empty:
            self.stat(key)
            return b""
        return self.ask(lambda bucket: bucket.read(name, span, if_match, url), url)

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """Read several parts of an object with one request each, `concurrency` at a time."""
        return self.map_concurrently(lambda span: self.get(key, *span, if_match=if_match), ranges)

    def stat(self, key: str) -> Stat:
        """Return size, etag and time of modification of an object."""
        name = self.place.make_name(key)
        return self.ask(lambda bucket: bucket.head(name), self.place.make_label(key))

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """Write an object with one request, or one request per piece if it is large."""
        name, url, chunks = self.place.make_name(key), self.place.make_label(key), split_into_pieces(data)
        first, second = next(chunks), next(chunks, None)
        if second is None:
            # A conditional write is not sent again after a lost reply: if the first one was done, the second is
            # refused, and looks as if another writer had won.
            self.ask(lambda bucket: bucket.write(name, first, if_absent=if_absent), url, repeat=not if_absent)
        else:
            self._upload(name, chain((first, second), chunks), url, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        name = self.place.make_name(key)
        self.ask(lambda bucket: bucket.remove(name), self.place.make_label(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """List objects in order of their keys, with one request for each page of up to a thousand."""
        start = self.place.prefix
        found = self.iterate_pages(lambda bucket, token: bucket.list_page(start + prefix, token), prefix)
        for name, stat in found if self.bucket().ordered else sorted(found, key=lambda entry: entry[0]):
            if not name.endswith("/"):  # some tools create such empty objects to mark folders
                yield name.removeprefix(start), stat

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """Return a signed URL of an object; None if the credentials cannot sign."""
        name = self.place.make_name(key)
        return self.ask(lambda bucket: bucket.sign(name, seconds), self.place.make_label(key))

    def ask(self, request: Callable[[Bucket], Coroutine[Any, Any, Result]], url: str, *, repeat: bool = True) -> Result:
        """Send a request and return the answer. Failures that may pass are retried.

        Args:
            request: Makes the request; called once per try.
            url: URL of the object, for messages.
            repeat: Whether to send the request again if it is unknown whether the service has done it.

        Raises:
            OutcomeUnknownError: it is unknown whether the service has done it, and `repeat` is False.
        """
        return self._retry_policy.call(lambda left: self._try_once(request, url, left, repeat=repeat))

    def _try_once(
        self, request: Callable[[Bucket], Coroutine[Any, Any, Result]], url: str, left: float, *, repeat: bool
    ) -> Result:
        failure: Exception | None
        try:
            bucket = self.bucket()
            return bucket.client.run(request(bucket), left)
        except Exception as error:
            failure = error if isinstance(error, (StorageError, Transient)) else self.failure(error, url)
            if failure is None:
                raise
        if isinstance(failure, Lost) and not repeat:
            raise OutcomeUnknownError(
                str(failure).splitlines()[0], "Look whether the object is there before you write it again."
            )
        # Raised outside the handler, or the library's exception would be chained: it holds signed URLs and headers.
        raise failure

    def iterate_pages(
        self, request: Callable[[Bucket, Any], Coroutine[Any, Any, tuple[Sequence[Result], Any]]], key: str = ""
    ) -> Iterator[Result]:
        """Yield the entries of all pages of a list, requesting each page when it is reached."""
        token: Any = None
        while True:
            found, token = self.ask(lambda bucket, token=token: request(bucket, token), self.place.make_label(key))  # type: ignore[misc]
            yield from found
            if token is None:
                return

    def map_concurrently(self, function: Callable[[Any], Result], items: Sequence[Any]) -> Sequence[Result]:
        """Call `function` for each item in threads, `concurrency` at a time, and return the results in order."""
        if len(items) < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(min(self.settings.concurrency, len(items))) as pool:
            futures = [pool.submit(function, item) for item in items]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:  # after an error, do not start what is still queued
                    future.cancel()

    def bucket(self) -> Bucket:
        """Return the bucket, opened by this process. A fork opens its own: connections cannot be shared."""
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            opened = self._opened = (os.getpid(), self._open())
        return opened[1]

    def __reduce__(self) -> tuple[object, ...]:
        # Connections are left out. Credentials raise an error if they are pickled.
        return (_rebuild, (type(self), self.root, self.options, self.credentials))


def _rebuild(cls: type[Storage], root: str, options: Mapping[str, Any], credentials: Credentials | None) -> Storage:
    return cls(root, options=options, credentials=credentials)

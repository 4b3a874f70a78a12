"""A storage in a bucket of a service, asked through an fsspec filesystem."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol, TypeVar

from reelbase.errors import OutcomeUnknownError, StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins._remote.buckets import Place, located
from reelbase_plugins._remote.options import parsed
from reelbase_plugins._remote.pieces import Span, pieces
from reelbase_plugins._remote.refusals import Lost
from reelbase_plugins._remote.retry import RetryPolicy, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from reelbase.plugin import Credentials
    from reelbase_plugins._remote.clients import Client

Result = TypeVar("Result")


class Options(Protocol):
    """The options that all such storages have."""

    timeout: float
    tries: int
    deadline: float
    concurrency: int


class Bucket(ABC):
    """Requests to one bucket: each method is one, and returns only what was asked for.

    They raise StorageErrors, and whatever the libraries raise: `BucketStorage.failure` knows what those mean.
    """

    client: Client[Any]

    @property
    def ordered(self) -> bool:
        """Whether pages come in order of the names of objects; where not, a list is put in order when all is there."""
        return True

    @abstractmethod
    async def read(self, name: str, span: Span, if_match: str | None, url: str) -> bytes:
        """A part of an object; nothing where it is shorter."""

    @abstractmethod
    async def head(self, name: str) -> Stat:
        """Size, version and time of an object."""

    @abstractmethod
    async def write(self, name: str, body: bytes, *, if_absent: bool) -> None:
        """Put a small object."""

    @abstractmethod
    async def remove(self, name: str) -> None:
        """Delete an object."""

    @abstractmethod
    async def page(self, prefix: str, token: Any) -> tuple[list[tuple[str, Stat]], Any]:
        """Some objects, and what to ask for those after them; None: there are no more."""

    @abstractmethod
    async def sign(self, name: str, seconds: int) -> str | None:
        """A URL that anyone may read at."""


class BucketStorage(Storage):
    """Objects below ``scheme://bucket/folder``.

    Args:
        root: Its URL.
        options: See the guide; each storage has its own, and those of `Options`.
        credentials: What the service's own tools know them by; None: those of its own chain, or nobody's.
    """

    #: A dataclass of this storage's options, which has those of `Options`.
    table: ClassVar[type]
    #: The name of the plugin.
    name: ClassVar[str]

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root.removesuffix("/"), options=options, credentials=credentials)
        self.place = Place.of(root)
        self.settings: Any = parsed(self.table, self.options, f"storage.{self.name}")
        self._patience = RetryPolicy(tries=self.settings.tries, deadline=self.settings.deadline)
        self._opened: tuple[int, Bucket] | None = None

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """The bucket, and the whole name of the object: files of many folders share one storage."""
        return located(url)

    @staticmethod
    @abstractmethod
    def failure(error: Exception, url: str) -> StorageError | Transient | None:
        """What an exception of the libraries means, for the object at `url`; None: nobody expected it."""

    @abstractmethod
    def _open(self) -> Bucket:
        """The bucket, for this process."""

    @abstractmethod
    def _upload(self, name: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        """Put an object of at least two pieces; nothing is left of it if that fails."""

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says, in one request."""
        name, url, span = self.place.name(key), self.place.shown(key), Span(start, stop)
        if span.empty:
            self.stat(key)
            return b""
        return self.ask(lambda bucket: bucket.read(name, span, if_match, url), url)

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """As the contract says: a request for each, `concurrency` at once."""
        return self.at_once(lambda span: self.get(key, *span, if_match=if_match), ranges)

    def stat(self, key: str) -> Stat:
        """As the contract says."""
        name = self.place.name(key)
        return self.ask(lambda bucket: bucket.head(name), self.place.shown(key))

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """As the contract says: one request, or a request a piece where there are several."""
        name, url, chunks = self.place.name(key), self.place.shown(key), pieces(data)
        first, second = next(chunks), next(chunks, None)
        if second is None:
            self.ask(lambda bucket: bucket.write(name, first, if_absent=if_absent), url, repeat=not if_absent)
        else:
            self._upload(name, chain((first, second), chunks), url, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """As the contract says."""
        name = self.place.name(key)
        self.ask(lambda bucket: bucket.remove(name), self.place.shown(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """As the contract says, a request a thousand; markers of folders (names that end with a slash) do not show."""
        start = self.place.prefix
        found = self.paged(lambda bucket, token: bucket.page(start + prefix, token), prefix)
        for name, stat in found if self.bucket().ordered else sorted(found, key=lambda one: one[0]):
            if not name.endswith("/"):
                yield name.removeprefix(start), stat

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """As the contract says: a signed URL, where the credentials can sign."""
        name = self.place.name(key)
        return self.ask(lambda bucket: bucket.sign(name, seconds), self.place.shown(key))

    def ask(self, request: Callable[[Bucket], Coroutine[Any, Any, Result]], url: str, *, repeat: bool = True) -> Result:
        """The answer to a request, which is made again while it may help.

        Args:
            request: Makes it.
            url: Of the object, for messages.
            repeat: Whether it may be made again when nobody knows if it was done.

        Raises:
            OutcomeUnknownError: nobody knows whether it was done, and it may not be repeated.
        """
        return self._patience.call(lambda left: self._once(request, url, left, repeat=repeat))

    def _once(
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
            raise OutcomeUnknownError(str(failure).splitlines()[0], "Look whether it stands, before you repeat it.")
        # Not in the handler: the library's exceptions hold signed URLs and whole requests, and would be chained.
        raise failure

    def paged(
        self, request: Callable[[Bucket, Any], Coroutine[Any, Any, tuple[Sequence[Result], Any]]], key: str = ""
    ) -> Iterator[Result]:
        """All that the pages have."""
        token: Any = None
        while True:
            found, token = self.ask(lambda bucket, token=token: request(bucket, token), self.place.shown(key))  # type: ignore[misc]
            yield from found
            if token is None:
                return

    def at_once(self, one: Callable[[Any], Result], many: Sequence[Any]) -> Sequence[Result]:
        """What `one` gives for each, `concurrency` at once."""
        if len(many) < 2:
            return [one(each) for each in many]
        with ThreadPoolExecutor(min(self.settings.concurrency, len(many))) as pool:
            waiting = [pool.submit(one, each) for each in many]
            try:
                return [each.result() for each in waiting]
            finally:
                for each in waiting:
                    each.cancel()

    def bucket(self) -> Bucket:
        """The bucket, opened by this process."""
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            opened = self._opened = (os.getpid(), self._open())
        return opened[1]

    def __reduce__(self) -> tuple[object, ...]:
        # Credentials refuse by themselves to be pickled.
        return (_again, (type(self), self.root, self.options, self.credentials))


def _again(kind: type[Storage], root: str, options: Mapping[str, Any], credentials: Credentials | None) -> Storage:
    return kind(root, options=options, credentials=credentials)

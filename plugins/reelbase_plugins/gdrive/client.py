"""Requests to Drive through Google's client: signed, tried again, each on a connection that no other thread has.

httplib2 is not thread-safe and must not cross a fork, so a `Client` belongs to one process and lends its connections.
The service's description comes with the client; nothing is fetched to know it.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import finalize

from reelbase.errors import BadReplyError, OutcomeUnknownError, StorageError
from reelbase_plugins._remote.retry import RetryPolicy, Transient
from reelbase_plugins.gdrive.access import access
from reelbase_plugins.gdrive.replies import IdInUseError, InDoubt, broken, refused, told
from reelbase_plugins.gdrive.signing import SignedHttp, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reelbase_plugins.gdrive.access import Options

Result = TypeVar("Result")
_IDS: Final = 32


class Client:
    """Drive, as one process sees it; any thread may use it.

    Args:
        options: Options of the storage.
        fields: Credentials; None: the environment's.

    Raises:
        UsageError, AccessDeniedError: there are no credentials that can be used.
    """

    def __init__(self, options: Options, fields: Mapping[str, Any] | None) -> None:
        self._options = options
        found = access(fields, options.api_key, anonymous=options.anonymous)
        self._api_key = found.api_key
        self._signer = None if found.signer is None else Signer(found.signer)
        self._patience = RetryPolicy(tries=options.tries, deadline=options.deadline)
        self._idle: deque[Any] = deque()
        self._ids: deque[str] = deque()
        self._keys: dict[str, str] = {}
        self._files = _service(options.endpoint_url).files()  # made once: building it takes 25 ms
        finalize(self, _close, self._idle)

    def learn(self, uid: str, resource_key: str | None) -> None:
        """Send a file's resource key from now on."""
        if resource_key:
            self._keys[uid] = resource_key

    def ask(self, make: Callable[[Any], Any], read: Callable[[Any], Result], about: str) -> Result:
        """What `read` finds in the JSON that Drive answers to the request that `make` makes of ``files()``.

        Raises:
            StorageError: what `replies` makes of a refusal; BadReplyError: the answer is none of Drive's.
        """
        return told(self._patience.call(lambda _: self._once(make, about)), read, about)

    def write(self, make: Callable[[Any], Any], about: str) -> Any:
        """As `ask`, for what changes something: an answer that was lost is not taken for a failure.

        Raises:
            OutcomeUnknownError: it may have been done.
            StorageError: it was not.
        """
        return self._settle(lambda: self._once(make, about), about)

    def upload(self, make: Callable[[Any], Any], about: str) -> Any:
        """As `write`, for an upload in chunks: each is tried again, from where the service says that it stands."""
        request = make(self._files)
        self._mark(request)

        def step() -> Any:
            request.resumable.prepare(request.resumable_progress)
            with self._connection(about) as http:
                return request.next_chunk(http=http)[1]

        while (found := self._settle(step, about)) is None:
            pass
        return found

    def new_id(self) -> str:
        """An id for a file to be made; several are fetched at a time.

        Raises:
            StorageError: none was given.
        """
        while True:
            try:
                return self._ids.pop()
            except IndexError:
                ids = lambda files: files.generateIds(count=_IDS, space="drive")  # noqa: E731
                self._ids.extend(self.ask(ids, lambda found: list(found["ids"]), "New ids"))

    def _settle(self, once: Callable[[], Result], about: str) -> Result:
        doubt = False

        def attempt(_: float) -> Result:
            nonlocal doubt
            try:
                return once()
            except InDoubt:
                doubt = True
                raise

        try:
            return self._patience.call(attempt)
        except IdInUseError:
            raise
        except StorageError as error:
            if not doubt:
                raise
            what = str(error).splitlines()[0]
            raise OutcomeUnknownError(f"{what} It may have been written.", "Look before you repeat it.") from None

    def media(self, uid: str, start: int, stop: int | None, about: str) -> tuple[bytes, int]:
        """Bytes ``start`` to ``stop`` of a file, as far as it has them, and the size of the file.

        Raises:
            StorageError: what `replies` makes of a refusal; BadReplyError: other bytes came.
        """
        return self._patience.call(lambda _: self._media(uid, start, stop, about))

    def _media(self, uid: str, start: int, stop: int | None, about: str) -> tuple[bytes, int]:
        request = self._files.get_media(fileId=uid, supportsAllDrives=self._options.supports_all_drives)
        self._mark(request)
        request.headers |= {"accept": "*/*", "accept-encoding": "identity"}  # packed, a range would be of other bytes
        whole = start == 0 and stop is None
        if not whole:
            request.headers["range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        with self._connection(about) as http:
            reply, content = http.request(request.uri, method="GET", headers=request.headers)
            if reply.status == 416 and not whole:
                return b"", _size_of(reply, start, about)
            if reply.status >= 400:
                raise refused(reply, reply.status, content, about)
        return checked(reply, content, start, stop, about)

    def _once(self, make: Callable[[Any], Any], about: str) -> Any:
        request = make(self._files)
        self._mark(request)
        with self._connection(about) as http:
            return request.execute(http=http)

    def _mark(self, request: Any) -> None:
        if self._api_key:
            request.headers["x-goog-api-key"] = self._api_key  # not in the URL, which is logged
        if self._keys:
            request.headers["x-goog-drive-resource-keys"] = ",".join(f"{uid}/{key}" for uid, key in self._keys.items())

    @contextmanager
    def _connection(self, about: str) -> Iterator[Any]:
        """A connection for one request. One that broke is not used again: an old reply may still come on it."""
        from google.auth.exceptions import GoogleAuthError
        from googleapiclient.errors import HttpError
        from httplib2.error import HttpLib2Error

        http = self._borrow()
        good = False
        try:
            yield http
            good = True
        except HttpError as error:
            good = True
            raise refused(error.resp, int(error.resp.status), error.content, about) from None
        except (OSError, HttpLib2Error, HTTPException, GoogleAuthError) as error:
            good = isinstance(error, StorageError)
            raise (error if good else broken(error, about)) from None
        except Transient:
            good = True
            raise
        finally:
            if good:
                self._idle.append(http)
            else:
                http.close()

    def _borrow(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def _new(self) -> Any:
        import httplib2

        http = httplib2.Http(timeout=self._options.timeout)
        http.follow_redirects = False  # credentials go to nobody else; 308 says "go on" in an upload
        return http if self._signer is None else SignedHttp(self._signer, http)


def _close(idle: deque[Any]) -> None:
    for http in idle:
        http.close()


def checked(reply: Mapping[str, str], content: bytes, start: int, stop: int | None, about: str) -> tuple[bytes, int]:
    """The content of a reply and the size of the whole file, if it is what was asked for.

    Raises:
        BadReplyError: it is not.
    """
    status = int(reply["status"])
    if status == 200 and start == 0 and stop is None:
        return content, len(content)
    span = reply.get("content-range", "")
    unit, _, rest = span.partition(" ")
    part, _, total = rest.partition("/")
    first, _, last = part.partition("-")
    if status != 206 or unit != "bytes" or not (first.isdigit() and last.isdigit() and total.isdigit()):
        raise BadReplyError(f"{about}: a part was asked for; {status} and {span!r} came.", "A proxy may be in the way.")
    size = int(total)
    end = size if stop is None else min(stop, size)
    if (int(first), int(last) + 1, len(content)) != (start, end, end - start):
        raise BadReplyError(
            f"{about}: bytes {start}:{end} were asked for; {span!r} with {len(content)} bytes came.",
            "A proxy may be in the way.",
        )
    return content, size


def _size_of(reply: Mapping[str, str], start: int, about: str) -> int:
    """The size in a reply that says that nothing is there.

    Raises:
        BadReplyError: something is.
    """
    size = reply.get("content-range", "").removeprefix("bytes */")
    if not size.isdigit() or int(size) > start:
        raise BadReplyError(f"{about}: Drive says that nothing is at byte {start} ({size!r}).", "Try again.")
    return int(size)


@cache
def _document() -> dict[str, Any]:
    import googleapiclient

    home = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "drive.v3.json"
    found: dict[str, Any] = json.loads(home.read_text(encoding="utf-8"))
    return found


def _service(endpoint_url: str | None) -> Any:
    import httplib2
    from googleapiclient.discovery import build_from_document

    document = dict(_document())
    if endpoint_url is not None:
        root = endpoint_url.rstrip("/") + "/"
        document |= {"rootUrl": root, "baseUrl": root + document["servicePath"], "mtlsRootUrl": root}
    return build_from_document(document, http=httplib2.Http())

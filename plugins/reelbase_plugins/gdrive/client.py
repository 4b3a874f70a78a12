"""Requests to Drive through Google's client library, with signatures and retries.

httplib2 is not thread-safe, and its connections must not be used after a fork. So a `Client` belongs to one process,
and each request borrows a connection that no other thread uses. The description of the API comes with the library; no
request is made to get it.
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
from reelbase.plugin import redacted_logs
from reelbase_plugins._remote.retry import RetryPolicy, Transient
from reelbase_plugins.gdrive.access import choose_access
from reelbase_plugins.gdrive.replies import IdInUseError, InDoubt, make_connection_error, make_error, parse
from reelbase_plugins.gdrive.signing import SignedHttp, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reelbase_plugins.gdrive.access import Options

Result = TypeVar("Result")
_IDS_PER_REQUEST: Final = 32


class Client:
    """Sends the requests of one process. It is thread-safe.

    Args:
        options: Options of the storage.
        fields: Fields of the credentials; None uses those of the environment.

    Raises:
        UsageError, AccessDeniedError: there are no credentials that can be used.
    """

    def __init__(self, options: Options, fields: Mapping[str, Any] | None) -> None:
        self._options = options
        credentials = {**(fields or {}), "api_key": options.api_key}
        with redacted_logs(credentials):
            access = choose_access(fields, options.api_key, anonymous=options.anonymous)
        self._api_key = access.api_key
        self._signer = None if access.signer is None else Signer(access.signer)
        self._retry_policy = RetryPolicy(tries=options.tries, deadline=options.deadline, credentials=credentials)
        self._idle: deque[Any] = deque()
        self._ids: deque[str] = deque()
        self._keys: dict[str, str] = {}
        self._files = _build_service(options.endpoint_url).files()  # made once: building it takes 25 ms
        finalize(self, _close, self._idle)

    def learn(self, uid: str, resource_key: str | None) -> None:
        """Remember the resource key of a file or folder, to send it with every request."""
        if resource_key:
            self._keys[uid] = resource_key

    def ask(self, make: Callable[[Any], Any], read: Callable[[Any], Result], about: str) -> Result:
        """Send a request that changes nothing.

        Args:
            make: Makes the request from the library's ``files()`` resource.
            read: Parses the JSON of the reply.
            about: Name of the file, for messages.

        Returns:
            The result of `read`.

        Raises:
            StorageError: Drive refused the request.
            BadReplyError: the reply does not come from Drive.
        """
        return parse(self._retry_policy.call(lambda _: self._execute(make, about)), read, about)

    def write(self, make: Callable[[Any], Any], about: str) -> Any:
        """Send a request that changes something, and return the JSON of the reply. See `ask` for the arguments.

        Raises:
            OutcomeUnknownError: a reply was lost, so the change may have been made.
            StorageError: the change was not made.
        """
        return self._retry_write(lambda: self._execute(make, about), about)

    def upload(self, make: Callable[[Any], Any], about: str) -> Any:
        """Upload a file in chunks; otherwise like `write`.

        A chunk that fails is sent again from the position that the service reports.
        """
        request = make(self._files)
        self._add_headers(request)

        def step() -> Any:
            # Read the source here: its errors are not errors of the connection.
            request.resumable.prepare(request.resumable_progress)
            with self._connection(about) as http:
                return request.next_chunk(http=http)[1]

        while (found := self._retry_write(step, about)) is None:
            pass
        return found

    def new_id(self) -> str:
        """Return an id for a new file. Drive generates them; several are fetched with one request.

        Raises:
            StorageError: Drive refused the request.
        """
        while True:
            try:
                return self._ids.pop()
            except IndexError:
                ids = lambda files: files.generateIds(count=_IDS_PER_REQUEST, space="drive")  # noqa: E731
                self._ids.extend(self.ask(ids, lambda found: list(found["ids"]), "New ids"))

    def _retry_write(self, once: Callable[[], Result], about: str) -> Result:
        in_doubt = False  # stays True after later tries: an earlier one may have been carried out

        def attempt(_: float) -> Result:
            nonlocal in_doubt
            try:
                return once()
            except InDoubt:
                in_doubt = True
                raise

        try:
            return self._retry_policy.call(attempt)
        except IdInUseError:
            raise
        except StorageError as error:
            if not in_doubt:
                raise
            what = str(error).splitlines()[0]
            raise OutcomeUnknownError(
                f"{what} It may have been written.", "Look whether the file is there before you write it again."
            ) from None

    def download(self, uid: str, start: int, stop: int | None, about: str) -> tuple[bytes, int]:
        """Download a part of a file.

        Args:
            uid: Id of the file.
            start: First byte.
            stop: Byte after the last one; None reads to the end.
            about: Name of the file, for messages.

        Returns:
            The bytes, fewer if the file ends before `stop`; and the size of the file.

        Raises:
            StorageError: Drive refused the request.
            BadReplyError: the reply has other bytes than those requested.
        """
        return self._retry_policy.call(lambda _: self._download(uid, start, stop, about))

    def _download(self, uid: str, start: int, stop: int | None, about: str) -> tuple[bytes, int]:
        request = self._files.get_media(fileId=uid, supportsAllDrives=self._options.supports_all_drives)
        self._add_headers(request)
        # A range of a compressed body would not be a range of the file.
        request.headers |= {"accept": "*/*", "accept-encoding": "identity"}
        whole = start == 0 and stop is None
        if not whole:
            request.headers["range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        with self._connection(about) as http:
            reply, content = http.request(request.uri, method="GET", headers=request.headers)
            if reply.status == 416 and not whole:
                return b"", _get_size(reply, start, about)
            if reply.status >= 400:
                raise make_error(reply, reply.status, content, about)
        return check_reply(reply, content, start, stop, about)

    def _execute(self, make: Callable[[Any], Any], about: str) -> Any:
        request = make(self._files)
        self._add_headers(request)
        with self._connection(about) as http:
            return request.execute(http=http)

    def _add_headers(self, request: Any) -> None:
        if self._api_key:
            request.headers["x-goog-api-key"] = self._api_key  # not in the URL, because httplib2 logs URLs
        if self._keys:
            request.headers["x-goog-drive-resource-keys"] = ",".join(f"{uid}/{key}" for uid, key in self._keys.items())

    @contextmanager
    def _connection(self, about: str) -> Iterator[Any]:
        """Lend a connection for one request. After a failure it is closed, as a late reply may still arrive on it."""
        from google.auth.exceptions import GoogleAuthError
        from googleapiclient.errors import HttpError
        from httplib2.error import HttpLib2Error

        http = self._borrow()
        is_reusable = False
        try:
            yield http
            is_reusable = True
        except HttpError as error:  # a complete reply: the connection itself is fine
            is_reusable = True
            raise make_error(error.resp, int(error.resp.status), error.content, about) from None
        except (OSError, HttpLib2Error, HTTPException, GoogleAuthError) as error:
            is_reusable = isinstance(error, StorageError)
            raise (error if is_reusable else make_connection_error(error, about)) from None
        except Transient:
            is_reusable = True
            raise
        finally:
            if is_reusable:
                self._idle.append(http)
            else:
                http.close()

    def _borrow(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._make_connection()

    def _make_connection(self) -> Any:
        import httplib2

        http = httplib2.Http(timeout=self._options.timeout)
        # Credentials must not be sent to another host, and 308 means "continue" in a resumable upload.
        http.follow_redirects = False
        return http if self._signer is None else SignedHttp(self._signer, http)


def _close(idle: deque[Any]) -> None:
    for http in idle:
        http.close()


def check_reply(
    reply: Mapping[str, str], content: bytes, start: int, stop: int | None, about: str
) -> tuple[bytes, int]:
    """Return the content of a reply and the size of the whole file, after checking that it is the requested range.

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
        raise BadReplyError(
            f"{about}: a part was requested; the reply is {status} with {span!r}.",
            "Check whether a proxy changes replies.",
        )
    size = int(total)
    end = size if stop is None else min(stop, size)
    if (int(first), int(last) + 1, len(content)) != (start, end, end - start):
        raise BadReplyError(
            f"{about}: bytes {start}:{end} were requested; the reply is {span!r} with {len(content)} bytes.",
            "Check whether a proxy changes replies.",
        )
    return content, size


def _get_size(reply: Mapping[str, str], start: int, about: str) -> int:
    """Return the size of a file from a reply with status 416, which says that the file ends before `start`.

    Raises:
        BadReplyError: by the size in the reply, it does not.
    """
    size = reply.get("content-range", "").removeprefix("bytes */")
    if not size.isdigit() or int(size) > start:
        raise BadReplyError(f"{about}: Drive says that there is nothing at byte {start} (size {size!r}).", "Try again.")
    return int(size)


@cache
def _load_api_description() -> dict[str, Any]:
    import googleapiclient

    path = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "drive.v3.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _build_service(endpoint_url: str | None) -> Any:
    import httplib2
    from googleapiclient.discovery import build_from_document

    document = dict(_load_api_description())
    if endpoint_url is not None:
        root = endpoint_url.rstrip("/") + "/"
        document |= {"rootUrl": root, "baseUrl": root + document["servicePath"], "mtlsRootUrl": root}
    return build_from_document(document, http=httplib2.Http())

"""The requests to a bucket of Google Cloud Storage, by its JSON API."""

from __future__ import annotations

import asyncio
import io
import json
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from reelbase.errors import BadReplyError
from reelbase.plugin import Stat
from reelbase_plugins._remote.fsspec import Bucket
from reelbase_plugins._remote.pieces import Reply, Span, check_reply
from reelbase_plugins._remote.refusals import make_changed_error
from reelbase_plugins.gcs import failures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gcsfs import GCSFileSystem

    from reelbase_plugins._remote.clients import Client

_FIELDS = "nextPageToken,items(name,size,generation,updated)"
_IF_ABSENT = {"ifGenerationMatch": "0"}
_UPLOAD_CANCELLED = 499  # the status of a successful DELETE of an upload
_MEDIA_TYPE = "application/octet-stream"
_UPLOAD_INCOMPLETE = 308


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Piece:
    """A piece of a resumable upload.

    Attributes:
        start: Position of its first byte in the object.
        body: Bytes of the piece.
        size: Size of the object if this is the last piece, else None.
    """

    start: int
    body: bytes
    size: int | None

    @property
    def end(self) -> int:
        """Position of the first byte of the next piece."""
        return self.start + len(self.body)

    @property
    def header(self) -> str:
        """The value of the ``Content-Range`` header."""
        return f"bytes {self.start}-{self.end - 1}/{'*' if self.size is None else self.size}"

    def skip_to(self, position: int) -> Piece:
        """Return what is left of the piece from a position in the object on."""
        return Piece(position, self.body[position - self.start :], self.size)


@dataclass(frozen=True)
class Written:
    """The service's description of an object that was just written. A field is None if the service leaves it out."""

    generation: str | None
    size: int | None
    md5: str | None


@dataclass(frozen=True)
class Progress:
    """The state of an upload.

    Attributes:
        received: Number of bytes that the service has received.
        written: The object, once the upload is complete; else None.
    """

    received: int
    written: Written | None = None


class GcsBucket(Bucket):
    """Requests to one bucket.

    Args:
        client: The client of this process.
        name: Name of the bucket.
        charged: Project that is charged for requests, with ``requester_pays``; else None.
    """

    def __init__(self, client: Client[GCSFileSystem], name: str, *, charged: str | None) -> None:
        self.client = client
        self.name = name
        self._always = {"userProject": charged} if charged else {}
        self._host = client.filesystem._location

    async def read(self, name: str, span: Span, if_match: str | None, url: str) -> bytes:
        """Read a part of an object; see `Bucket.read`. Versions are generations here."""
        if if_match is not None and not if_match.isdigit():  # not a generation, so no object has this version
            raise make_changed_error(url)
        match = {} if if_match is None else {"ifGenerationMatch": if_match}
        # Without "gzip", Google decompresses objects whose Content-Encoding is gzip. Ranges are of the stored bytes.
        headers = {"Accept-Encoding": "gzip", **({} if span.whole else {"Range": span.header})}
        try:
            found = await self._request("GET", self._make_object_url(name), {"alt": "media", **match}, headers=headers)
        except failures.RefusedError as error:
            if error.ends_before(span):
                return b""
            raise
        length = found.headers.get("Content-Length")
        reply = Reply(
            status=found.status,
            content_range=found.headers.get("Content-Range"),
            version=found.headers.get("X-Goog-Generation"),
            body=found.body,
            length=None if length is None else int(length),
        )
        return check_reply(reply, span, url, if_match)

    async def head(self, name: str) -> Stat:
        """Return size, version and time of modification of an object."""
        found = await self._request("GET", self._make_object_url(name), {"fields": "size,generation,updated"})
        return failures.parse(found.body, _parse_stat)

    async def write(self, name: str, body: bytes, *, if_absent: bool) -> None:
        """Write an object with one request."""
        media_type, multipart = _make_multipart(name, body)
        headers = {"Content-Type": media_type}
        params = _make_params("multipart", name, if_absent)
        await self._request("POST", self._uploads, params, headers=headers, body=multipart, conditional=if_absent)

    async def remove(self, name: str, generation: str | None = None) -> None:
        """Delete an object, if it exists; with `generation`, only if it has that generation."""
        only = {} if generation is None else {"ifGenerationMatch": generation}
        with suppress(failures.AbsentError):
            await self._request("DELETE", self._make_object_url(name), only)

    async def list_page(self, prefix: str, token: Any) -> tuple[list[tuple[str, Stat]], Any]:
        """Return one page of the list of objects; see `Bucket.list_page`."""
        after = {} if token is None else {"pageToken": token}
        found = await self._request("GET", self._objects, {"prefix": prefix, "fields": _FIELDS, **after})
        return failures.parse(found.body, _parse_page)

    async def sign(self, name: str, seconds: int) -> str | None:
        """Return a signed URL of an object. This sends no request. Only keys of service accounts can sign."""
        from google.auth.credentials import Signing

        identity = self.client.filesystem.credentials.credentials
        if identity is None:  # anonymous access: the plain URL is enough
            return f"{self._make_object_url(name)}?alt=media"
        if not isinstance(identity, Signing):
            return None
        return await asyncio.to_thread(_make_signed_url, identity, self.name, name, seconds)

    async def begin(self, name: str, *, if_absent: bool) -> str:
        """Begin a resumable upload and return the URL to send the pieces to."""
        found = await self._request(
            "POST", self._uploads, _make_params("resumable", name, if_absent), conditional=if_absent
        )
        session = found.headers.get("Location", "")
        # Credentials are sent with each piece, so only to the host that the user named.
        if urlsplit(session)[:2] != urlsplit(self._host)[:2]:
            raise BadReplyError("The service sent an upload to another host.", "Check whether a proxy changes replies.")
        return session

    async def send_piece(self, session: str, piece: Piece, *, if_absent: bool) -> Progress:
        """Send a piece and return how much the service has received."""
        headers = {"Content-Range": piece.header}
        found = await self._request("PUT", session, headers=headers, body=piece.body, conditional=if_absent)
        return _parse_progress(found)

    async def resume_piece(self, session: str, piece: Piece, *, if_absent: bool) -> Progress:
        """Send a piece again after its reply was lost: ask what the service has received, and send only the rest."""
        headers = {"Content-Range": "bytes */*"}
        found = _parse_progress(await self._request("PUT", session, headers=headers, conditional=if_absent))
        if found.written is not None or not piece.start <= found.received < piece.end:
            return found
        return await self.send_piece(session, piece.skip_to(found.received), if_absent=if_absent)

    async def abort(self, session: str) -> None:
        """Cancel an upload and delete its pieces."""
        with suppress(failures.AbsentError):
            await self._request("DELETE", session)

    @property
    def _objects(self) -> str:
        return f"{self._host}/storage/v1/b/{self.name}/o"

    @property
    def _uploads(self) -> str:
        return f"{self._host}/upload/storage/v1/b/{self.name}/o"

    def _make_object_url(self, name: str) -> str:
        return f"{self._objects}/{quote(name, safe='')}"

    async def _request(
        self, method: str, url: str, params: Mapping[str, str] | None = None, *,
        headers: Mapping[str, str] | None = None, body: bytes = b"", conditional: bool = False,
    ) -> _Answer:  # fmt: skip
        from yarl import URL

        query = urlencode({**(params or {}), **self._always}, quote_via=quote)
        full = URL(f"{url}{'&' if '?' in url else '?'}{query}" if query else url, encoded=True)
        sent = await self._make_headers(headers or {})
        request = self.client.filesystem.session.request(
            method, full, headers=sent, data=io.BytesIO(body) if body else None, allow_redirects=False
        )
        async with request as reply:
            # A whole object in place of the requested range may be very large: do not read it.
            unwanted = reply.status == 200 and "Range" in sent
            answer = _Answer(reply.status, reply.headers, b"" if unwanted else await reply.read())
        if answer.status in {200, 204, 206, _UPLOAD_INCOMPLETE, _UPLOAD_CANCELLED} or (
            answer.status == 201 and method != "GET"
        ):
            return answer
        raise failures.make_refused_error(answer.status, answer.headers, answer.body, conditional=conditional)

    async def _make_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        sent = {"Content-Type": _MEDIA_TYPE, **headers}
        identity = self.client.filesystem.credentials
        if identity.credentials is not None:
            await asyncio.to_thread(identity.apply, sent)  # in a thread, as it may wait for a new token
        return sent


def _parse_progress(found: _Answer) -> Progress:
    if found.status != _UPLOAD_INCOMPLETE:
        return Progress(0, failures.parse(found.body, _parse_written))
    received = re.fullmatch(r"bytes=0-(\d+)", found.headers.get("Range", ""))
    return Progress(int(received[1]) + 1 if received else 0)


def _parse_written(found: Any) -> Written:
    size = found.get("size")
    return Written(found.get("generation"), None if size is None else int(size), found.get("md5Hash"))


def _make_params(upload_type: str, name: str, if_absent: bool) -> dict[str, str]:
    return {
        "uploadType": upload_type,
        "name": name,
        "fields": "generation,size,md5Hash",
        **(_IF_ABSENT if if_absent else {}),
    }


def _make_multipart(name: str, body: bytes) -> tuple[str, bytes]:
    """Return the media type and the body of a request with the name and the bytes of an object (RFC 2387)."""
    boundary = secrets.token_hex(16)
    about = json.dumps({"name": name, "contentType": _MEDIA_TYPE}).encode()
    head = f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
    middle = f"\r\n--{boundary}\r\nContent-Type: {_MEDIA_TYPE}\r\n\r\n".encode()
    return f"multipart/related; boundary={boundary}", b"".join(
        (head, about, middle, body, f"\r\n--{boundary}--".encode())
    )


def _parse_stat(found: Mapping[str, Any]) -> Stat:
    modified = datetime.fromisoformat(found["updated"]) if "updated" in found else None
    return Stat(size=int(found["size"]), etag=str(found["generation"]), modified=modified)


def _parse_page(listed: Mapping[str, Any]) -> tuple[list[tuple[str, Stat]], Any]:
    return [(item["name"], _parse_stat(item)) for item in listed.get("items", ())], listed.get("nextPageToken") or None


def _make_signed_url(identity: Any, bucket: str, name: str, seconds: int) -> str:
    from google.cloud.storage import Client as Storage

    blob = Storage(project="", credentials=identity).bucket(bucket).blob(name)
    return str(blob.generate_signed_url(version="v4", expiration=seconds, method="GET"))

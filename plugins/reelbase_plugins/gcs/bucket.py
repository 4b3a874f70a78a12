"""The requests to a bucket of Google Cloud Storage: its JSON API."""

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
from reelbase_plugins._remote.pieces import Reply, Span, checked
from reelbase_plugins._remote.refusals import changed
from reelbase_plugins.gcs import failures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gcsfs import GCSFileSystem

    from reelbase_plugins._remote.clients import Client

_FIELDS = "nextPageToken,items(name,size,generation,updated)"
_ABSENT = {"ifGenerationMatch": "0"}
_CANCELLED = 499
_BYTES = "application/octet-stream"
_GO_ON = 308


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Piece:
    """A part of an object that is sent piece by piece.

    Attributes:
        start: Where it begins in the object.
        body: Its bytes.
        size: Of the object, if it is the last piece.
    """

    start: int
    body: bytes
    size: int | None

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + len(self.body)

    @property
    def header(self) -> str:
        """For ``Content-Range``."""
        return f"bytes {self.start}-{self.end - 1}/{'*' if self.size is None else self.size}"

    def after(self, has: int) -> Piece:
        """What is left of it behind the first `has` bytes of the object."""
        return Piece(has, self.body[has - self.start :], self.size)


@dataclass(frozen=True)
class Made:
    """An object that was just written, as the service describes it; None: it does not say."""

    generation: str | None
    size: int | None
    md5: str | None


@dataclass(frozen=True)
class Progress:
    """How far an upload has come: the bytes that the service has, and the object, once it stands."""

    has: int
    made: Made | None = None


class GcsBucket(Bucket):
    """Requests to one bucket.

    Args:
        client: The client of this process.
        name: Name of the bucket.
        charged: The project that is charged, with ``requester_pays``.
    """

    def __init__(self, client: Client[GCSFileSystem], name: str, *, charged: str | None) -> None:
        self.client = client
        self.name = name
        self._always = {"userProject": charged} if charged else {}
        self._host = client.filesystem._location

    async def read(self, name: str, span: Span, if_match: str | None, url: str) -> bytes:
        """As `Bucket` says."""
        if if_match is not None and not if_match.isdigit():
            raise changed(url)
        match = {} if if_match is None else {"ifGenerationMatch": if_match}
        # "gzip": send what is stored as it is stored, whatever its Content-Encoding.
        headers = {"Accept-Encoding": "gzip", **({} if span.whole else {"Range": span.header})}
        try:
            found = await self._ask("GET", self._object(name), {"alt": "media", **match}, headers=headers)
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
        return checked(reply, span, url, if_match)

    async def head(self, name: str) -> Stat:
        """As `Bucket` says."""
        found = await self._ask("GET", self._object(name), {"fields": "size,generation,updated"})
        return failures.told(found.body, _stat)

    async def write(self, name: str, body: bytes, *, if_absent: bool) -> None:
        """As `Bucket` says."""
        kind, both = _relate(name, body)
        headers = {"Content-Type": kind}
        await self._ask(
            "POST", self._uploads, _new("multipart", name, if_absent), headers=headers, body=both, claims=if_absent
        )

    async def remove(self, name: str, generation: str | None = None) -> None:
        """As `Bucket` says; or only that generation of it."""
        only = {} if generation is None else {"ifGenerationMatch": generation}
        with suppress(failures.AbsentError):
            await self._ask("DELETE", self._object(name), only)

    async def page(self, prefix: str, token: Any) -> tuple[list[tuple[str, Stat]], Any]:
        """As `Bucket` says."""
        after = {} if token is None else {"pageToken": token}
        found = await self._ask("GET", self._objects, {"prefix": prefix, "fields": _FIELDS, **after})
        return failures.told(found.body, _page)

    async def sign(self, name: str, seconds: int) -> str | None:
        """As `Bucket` says; no request. Only keys of service accounts sign; what nobody reads needs no signature."""
        from google.auth.credentials import Signing

        identity = self.client.filesystem.credentials.credentials
        if identity is None:
            return f"{self._object(name)}?alt=media"
        if not isinstance(identity, Signing):
            return None
        return await asyncio.to_thread(_sign, identity, self.name, name, seconds)

    async def begin(self, name: str, *, if_absent: bool) -> str:
        """Begin an object in pieces; the URL to send them to."""
        found = await self._ask("POST", self._uploads, _new("resumable", name, if_absent), claims=if_absent)
        session = found.headers.get("Location", "")
        if urlsplit(session)[:2] != urlsplit(self._host)[:2]:  # credentials go where the user said, and nowhere else
            raise BadReplyError("An upload was sent to another host.", "See whether a proxy changes replies.")
        return session

    async def piece(self, session: str, piece: Piece, *, if_absent: bool) -> Progress:
        """Send a piece."""
        headers = {"Content-Range": piece.header}
        found = await self._ask("PUT", session, headers=headers, body=piece.body, claims=if_absent)
        return _progress(found)

    async def rest(self, session: str, piece: Piece, *, if_absent: bool) -> Progress:
        """Send what the service does not have of a piece, which was sent before, and nobody knows how far it came."""
        found = _progress(await self._ask("PUT", session, headers={"Content-Range": "bytes */*"}, claims=if_absent))
        if found.made is not None or not piece.start <= found.has < piece.end:
            return found
        return await self.piece(session, piece.after(found.has), if_absent=if_absent)

    async def abort(self, session: str) -> None:
        """Drop the pieces."""
        with suppress(failures.AbsentError):
            await self._ask("DELETE", session)

    @property
    def _objects(self) -> str:
        return f"{self._host}/storage/v1/b/{self.name}/o"

    @property
    def _uploads(self) -> str:
        return f"{self._host}/upload/storage/v1/b/{self.name}/o"

    def _object(self, name: str) -> str:
        return f"{self._objects}/{quote(name, safe='')}"

    async def _ask(
        self, method: str, url: str, params: Mapping[str, str] | None = None, *,
        headers: Mapping[str, str] | None = None, body: bytes = b"", claims: bool = False,
    ) -> _Answer:  # fmt: skip
        from yarl import URL

        query = urlencode({**(params or {}), **self._always}, quote_via=quote)
        full = URL(f"{url}{'&' if '?' in url else '?'}{query}" if query else url, encoded=True)
        sent = await self._headers(headers or {})
        request = self.client.filesystem.session.request(
            method, full, headers=sent, data=io.BytesIO(body) if body else None, allow_redirects=False
        )
        async with request as reply:
            unasked = reply.status == 200 and "Range" in sent  # a whole object, which may be far too large
            answer = _Answer(reply.status, reply.headers, b"" if unasked else await reply.read())
        if answer.status in {200, 204, 206, _GO_ON, _CANCELLED} or (answer.status == 201 and method != "GET"):
            return answer
        raise failures.refused(answer.status, answer.headers, answer.body, claims=claims)

    async def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        sent = {"Content-Type": _BYTES, **headers}
        identity = self.client.filesystem.credentials
        if identity.credentials is not None:
            await asyncio.to_thread(identity.apply, sent)  # it may ask for a new token, and wait for it
        return sent


def _progress(found: _Answer) -> Progress:
    if found.status != _GO_ON:
        return Progress(0, failures.told(found.body, _made))
    has = re.fullmatch(r"bytes=0-(\d+)", found.headers.get("Range", ""))
    return Progress(int(has[1]) + 1 if has else 0)


def _made(found: Any) -> Made:
    size = found.get("size")
    return Made(found.get("generation"), None if size is None else int(size), found.get("md5Hash"))


def _new(kind: str, name: str, if_absent: bool) -> dict[str, str]:
    return {"uploadType": kind, "name": name, "fields": "generation,size,md5Hash", **(_ABSENT if if_absent else {})}


def _relate(name: str, body: bytes) -> tuple[str, bytes]:
    """Name and bytes in one body (RFC 2387), and its media type."""
    mark = secrets.token_hex(16)
    about = json.dumps({"name": name, "contentType": _BYTES}).encode()
    head = f"--{mark}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
    middle = f"\r\n--{mark}\r\nContent-Type: {_BYTES}\r\n\r\n".encode()
    return f"multipart/related; boundary={mark}", b"".join((head, about, middle, body, f"\r\n--{mark}--".encode()))


def _stat(found: Mapping[str, Any]) -> Stat:
    modified = datetime.fromisoformat(found["updated"]) if "updated" in found else None
    return Stat(size=int(found["size"]), etag=str(found["generation"]), modified=modified)


def _page(listed: Mapping[str, Any]) -> tuple[list[tuple[str, Stat]], Any]:
    return [(one["name"], _stat(one)) for one in listed.get("items", ())], listed.get("nextPageToken") or None


def _sign(identity: Any, bucket: str, name: str, seconds: int) -> str:
    from google.cloud.storage import Client as Storage

    blob = Storage(project="", credentials=identity).bucket(bucket).blob(name)
    return str(blob.generate_signed_url(version="v4", expiration=seconds, method="GET"))

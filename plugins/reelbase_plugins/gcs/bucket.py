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


class GcsBucket(Bucket):
    """Requests to one bucket.

    Args:
        client: Of this process.
        name: Of the bucket.
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
        kind, both = _related(name, body)
        headers = {"Content-Type": kind}
        await self._ask(
            "POST", self._uploads, _new("multipart", name, if_absent), headers=headers, body=both, claims=if_absent
        )

    async def remove(self, name: str) -> None:
        """As `Bucket` says."""
        with suppress(failures.AbsentError):
            await self._ask("DELETE", self._object(name))

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
        return await asyncio.to_thread(_signed, identity, self.name, name, seconds)

    async def begin(self, name: str, *, if_absent: bool) -> str:
        """Begin an object in pieces; the URL to send them to."""
        found = await self._ask("POST", self._uploads, _new("resumable", name, if_absent), claims=if_absent)
        session = found.headers.get("Location", "")
        if urlsplit(session)[:2] != urlsplit(self._host)[:2]:  # credentials go where the user said, and nowhere else
            raise BadReplyError("An upload was sent to another host.", "See whether a proxy changes replies.")
        return session

    async def piece(self, session: str, start: int, body: bytes, size: int | None, *, if_absent: bool) -> int:
        """Send a piece, with the size of all if it is the last; how many bytes the service has now."""
        span = f"bytes {start}-{start + len(body) - 1}/{'*' if size is None else size}"
        found = await self._ask("PUT", session, headers={"Content-Range": span}, body=body, claims=if_absent)
        if found.status != _GO_ON:
            return start + len(body)
        has = re.fullmatch(r"bytes=0-(\d+)", found.headers.get("Range", ""))
        return int(has[1]) + 1 if has else 0

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


def _new(kind: str, name: str, if_absent: bool) -> dict[str, str]:
    return {"uploadType": kind, "name": name, "fields": "generation", **(_ABSENT if if_absent else {})}


def _related(name: str, body: bytes) -> tuple[str, bytes]:
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


def _signed(identity: Any, bucket: str, name: str, seconds: int) -> str:
    from google.cloud.storage import Client as Storage

    blob = Storage(project="", credentials=identity).bucket(bucket).blob(name)
    return str(blob.generate_signed_url(version="v4", expiration=seconds, method="GET"))

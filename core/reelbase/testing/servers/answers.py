"""Requests to a web server, and correct answers to them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request.

    Attributes:
        method: "GET" or "HEAD".
        target: Path and query, percent-encoded.
        headers: Headers by name in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The decoded path, without its first slash and without the query."""
        return unquote(self.target.partition("?")[0][1:])

    @property
    def query(self) -> str:
        """The query without the question mark."""
        return self.target.partition("?")[2]

    @property
    def range(self) -> str | None:
        """The ``Range`` header; None if absent."""
        return self.headers.get("range")

    def without_range(self) -> Request:
        """Return the request without its ``Range`` header, which is for the whole object."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name != "range"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer.

    Attributes:
        status: HTTP status; 0 closes the connection without an answer.
        headers: Headers by name; None leaves a header out. ``Content-Length`` is set from the body unless it is here.
        body: Content; it is not sent for HEAD.
        wait: Seconds to wait before the answer is sent.
        cut: Number of bytes of the body after which the connection is closed; None sends all.
        reset: Whether the connection is closed as after a crash (RST), and not in order (FIN).
    """

    status: int
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    wait: float = 0.0
    cut: int | None = None
    reset: bool = False

    def with_headers(self, **headers: str | None) -> Answer:
        """Return a copy with other headers. Write ``_`` for ``-`` in their names."""
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): headers[name] for name in headers}})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of a server's ledger: a request and its answer.

    Attributes:
        request: The request.
        status: Status of the answer.
        sent: Number of bytes of the body that were sent.
    """

    request: Request
    status: int
    sent: int

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.path} {self.request.range or '-'} {self.status} {self.sent}"


Honest = Callable[[Request], Answer]  #: makes the correct answer to a request


def make_etag(body: bytes) -> str:
    """Return an etag that depends on all bytes."""
    return f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'


def make_answer(objects: Mapping[str, bytes], request: Request) -> Answer:
    """Make the correct answer to a request.

    Args:
        objects: Content of the objects by path.
        request: The request.
    """
    body = objects.get(request.path)
    if body is None:
        return Answer(status=404, body=b"there is no such object")
    headers = {"ETag": make_etag(body), "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    wanted = request.headers.get("if-match")
    if wanted not in {None, "*", headers["ETag"]}:
        return Answer(status=412, headers=headers)
    span = _RANGE.fullmatch(request.range or "")
    if request.method == "HEAD" or span is None:
        return Answer(status=200, headers=headers, body=body)
    start, stop = int(span[1]), min(int(span[2] or len(body)) + 1, len(body))
    if start >= len(body):
        return Answer(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
    content_range = f"bytes {start}-{stop - 1}/{len(body)}"
    return Answer(status=206, headers={**headers, "Content-Range": content_range}, body=body[start:stop])

"""What a web server is asked, and what it answers: the honest way."""

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
    """What came.

    Attributes:
        method: "GET" or "HEAD".
        target: As it came.
        headers: By name in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Decoded, without its first slash and without the query."""
        return unquote(self.target.partition("?")[0][1:])

    @property
    def query(self) -> str:
        """Without the question mark."""
        return self.target.partition("?")[2]

    @property
    def range(self) -> str | None:
        """The header ``Range``."""
        return self.headers.get("range")

    def without_range(self) -> Request:
        """As if it asked for all."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name != "range"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back.

    Attributes:
        status: 0: nothing at all; the connection is closed.
        headers: By name; ``Content-Length`` is the body's unless it is here. None: it is left out.
        body: Its bytes; not sent to HEAD.
        wait: Seconds before it is sent.
        cut: Bytes of the body after which the connection ends.
        reset: End it as after a crash (RST), not in order (FIN).
    """

    status: int
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    wait: float = 0.0
    cut: int | None = None
    reset: bool = False

    def with_headers(self, **headers: str | None) -> Answer:
        """With other headers; ``_`` stands for ``-``."""
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): headers[name] for name in headers}})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a server's ledger: a request, and what was answered.

    Attributes:
        request: What came.
        status: What was answered.
        sent: Bytes of the body.
    """

    request: Request
    status: int
    sent: int

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.path} {self.request.range or '-'} {self.status} {self.sent}"


Honest = Callable[[Request], Answer]  #: what a server that has no fault answers


def etag_of(body: bytes) -> str:
    """What names these bytes and no others."""
    return f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'


def honest(objects: Mapping[str, bytes], request: Request) -> Answer:
    """The right answer to a request."""
    body = objects.get(request.path)
    if body is None:
        return Answer(status=404, body=b"there is no such object")
    headers = {"ETag": etag_of(body), "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    wanted = request.headers.get("if-match")
    if wanted not in {None, "*", headers["ETag"]}:
        return Answer(status=412, headers=headers)
    asked = _RANGE.fullmatch(request.range or "")
    if request.method == "HEAD" or asked is None:
        return Answer(status=200, headers=headers, body=body)
    start, stop = int(asked[1]), min(int(asked[2] or len(body)) + 1, len(body))
    if start >= len(body):
        return Answer(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
    came = f"bytes {start}-{stop - 1}/{len(body)}"
    return Answer(status=206, headers={**headers, "Content-Range": came}, body=body[start:stop])

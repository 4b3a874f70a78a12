"""Mistakes of web servers and of proxies in front of them."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reelbase.testing.servers.answers import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.testing.servers.answers import Honest


class Fault(ABC):
    """A mistake in an answer."""

    @abstractmethod
    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer to a request.

        Args:
            request: The request.
            honest: Makes the correct answer.
        """


@dataclass(frozen=True)
class NoRange(Fault):
    """Ranges are ignored: the whole object is sent with the status 200.

    Attributes:
        chunked: Whether it is sent in chunks, without ``Content-Length``.
    """

    chunked: bool = False

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        whole = honest(request.without_range()).with_headers(Accept_Ranges=None)
        if not self.chunked or request.method == "HEAD" or whole.status != 200:
            return whole
        lines = [b"%x\r\n%b\r\n" % (len(part), part) for part in _split(whole.body, 65536)]
        chunked = whole.with_headers(Transfer_Encoding="chunked", Content_Length=None)
        return replace(chunked, body=b"".join(lines) + b"0\r\n\r\n")


@dataclass(frozen=True)
class WrongContentRange(Fault):
    """The bytes of another range are sent with the status 206.

    Attributes:
        by: Number of bytes by which the range is shifted.
        says: Value of ``Content-Range``; None leaves it out, an empty string describes the bytes that are sent.
    """

    by: int = 1
    says: str | None = ""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request)
        whole = honest(request.without_range()).body
        if right.status != 206 or len(right.body) + self.by > len(whole):
            return right
        start = int((right.headers["Content-Range"] or "").removeprefix("bytes ").split("-")[0]) + self.by
        body = whole[start : start + len(right.body)]
        content_range = f"bytes {start}-{start + len(body) - 1}/{len(whole)}" if self.says == "" else self.says
        return replace(right, body=body).with_headers(Content_Range=content_range)


@dataclass(frozen=True)
class Short(Fault):
    """Fewer bytes than the range has are sent, with a matching ``Content-Length``.

    Attributes:
        by: Number of missing bytes.
    """

    by: int = 1

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request)
        return replace(right, body=right.body[: -self.by]) if right.status == 206 else right


@dataclass(frozen=True)
class Endless(Fault):
    """More bytes than the range has are sent, without a length.

    Attributes:
        more: Number of additional bytes.
    """

    more: int = 1 << 20

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request)
        body = right.body + bytes(self.more)
        return replace(right, body=body, cut=len(body)).with_headers(Content_Length=None, Connection="close")


@dataclass(frozen=True)
class NoLength(Fault):
    """The whole object is sent without a length: it ends when the connection is closed."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request.without_range())
        return replace(right, cut=len(right.body)).with_headers(Content_Length=None, Connection="close")


@dataclass(frozen=True)
class Cut(Fault):
    """The connection is closed in the middle of a body.

    Attributes:
        after: Number of bytes of the body after which it is closed.
        reset: Whether it is closed with RST, and not with FIN.
    """

    after: int = 1
    reset: bool = False

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request)
        short = right.status < 300 and len(right.body) > self.after
        return replace(right, cut=self.after, reset=self.reset) if short else right


@dataclass(frozen=True)
class NoReply(Fault):
    """The connection is closed without an answer.

    Attributes:
        reset: Whether it is closed with RST, and not with FIN.
    """

    reset: bool = False

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return Answer(status=0, reset=self.reset)


@dataclass(frozen=True)
class Status(Fault):
    """Another status is sent.

    Attributes:
        status: HTTP status.
        body: Body of the answer.
    """

    status: int
    body: bytes = b"no"

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return Answer(status=self.status, body=self.body)


@dataclass(frozen=True)
class Throttled(Fault):
    """The client is asked to try again later.

    Attributes:
        status: 429 or 503.
        after: Value of the ``Retry-After`` header; None leaves it out.
    """

    status: int = 429
    after: str | None = None

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return Answer(status=self.status, headers={"Retry-After": self.after})


@dataclass(frozen=True)
class Refused(Fault):
    """Access is denied.

    Attributes:
        status: 401 or 403.
    """

    status: int = 403

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return Answer(status=self.status, body=b"<Error><Code>AccessDenied</Code></Error>")


@dataclass(frozen=True)
class Expired(Fault):
    """Access is denied because the URL or the credentials have expired, with the message of S3."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        return Answer(status=403, body=body)


@dataclass(frozen=True)
class ChangingETag(Fault):
    """The object has another etag at each request."""

    _count: Iterator[int] = field(default_factory=itertools.count, repr=False, compare=False)

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(replace(request, headers={**request.headers, "if-match": "*"}))
        return right.with_headers(ETag=f'"{next(self._count)}"') if right.status < 300 else right


@dataclass(frozen=True)
class Encoded(Fault):
    """The headers say that the body is compressed, although the client did not accept that."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request)
        return right.with_headers(Content_Encoding="gzip") if right.status < 300 else right


@dataclass(frozen=True)
class Headless(Fault):
    """HEAD is refused.

    Attributes:
        status: 403 (a URL that is signed for GET), 405 (HEAD is not allowed) or 501 (HEAD is not implemented).
    """

    status: int = 403

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return Answer(status=self.status) if request.method == "HEAD" else honest(request)


@dataclass(frozen=True)
class Slow(Fault):
    """The correct answer is sent late.

    Attributes:
        seconds: Seconds before the answer.
    """

    seconds: float

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return replace(honest(request), wait=self.seconds)


@dataclass(frozen=True)
class Redirect(Fault):
    """The client is redirected.

    Attributes:
        base: URL that path and query are appended to.
        status: 301, 302, 303, 307 or 308.
    """

    base: str
    status: int = 302

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        query = f"?{request.query}" if request.query else ""
        return Answer(status=self.status, headers={"Location": f"{self.base}/{request.path}{query}"})


@dataclass(frozen=True)
class RedirectLoop(Fault):
    """Every request is redirected to the same server."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        return Answer(status=302, headers={"Location": f"/{request.path}?again"})


@dataclass(frozen=True)
class HtmlForMissing(Fault):
    """For a missing object, a page is sent with the status 200."""

    body: bytes = b"<!doctype html><html><body>Not found? Have a look around!</body></html>"

    def answer(self, request: Request, honest: Honest) -> Answer:
        """Make the wrong answer."""
        right = honest(request)
        page = Answer(status=200, headers={"Content-Type": "text/html"}, body=self.body)
        return page if right.status == 404 else right


def _split(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]

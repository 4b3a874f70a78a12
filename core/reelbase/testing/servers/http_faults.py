"""What web servers and what stands before them get wrong."""

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
    """What goes wrong with an answer."""

    @abstractmethod
    def answer(self, request: Request, honest: Honest) -> Answer:
        """What is sent instead of ``honest(request)``."""


@dataclass(frozen=True)
class NoRange(Fault):
    """Ranges are ignored: the whole object comes, with 200.

    Attributes:
        chunked: It does not say how long it is.
    """

    chunked: bool = False

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        whole = honest(request.without_range()).with_headers(Accept_Ranges=None)
        if not self.chunked or request.method == "HEAD" or whole.status != 200:
            return whole
        lines = [b"%x\r\n%b\r\n" % (len(part), part) for part in _pieces(whole.body, 65536)]
        chunked = whole.with_headers(Transfer_Encoding="chunked", Content_Length=None)
        return replace(chunked, body=b"".join(lines) + b"0\r\n\r\n")


@dataclass(frozen=True)
class WrongContentRange(Fault):
    """206, with the bytes of another range.

    Attributes:
        by: How far off.
        says: The ``Content-Range`` in place of the right one for them; None: it is left out; "": it is right.
    """

    by: int = 1
    says: str | None = ""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request)
        whole = honest(request.without_range()).body
        if right.status != 206 or len(right.body) + self.by > len(whole):
            return right
        start = int((right.headers["Content-Range"] or "").removeprefix("bytes ").split("-")[0]) + self.by
        body = whole[start : start + len(right.body)]
        said = f"bytes {start}-{start + len(body) - 1}/{len(whole)}" if self.says == "" else self.says
        return replace(right, body=body).with_headers(Content_Range=said)


@dataclass(frozen=True)
class Short(Fault):
    """Fewer bytes than the range has, and a ``Content-Length`` that says so.

    Attributes:
        by: How many fewer.
    """

    by: int = 1

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request)
        return replace(right, body=right.body[: -self.by]) if right.status == 206 else right


@dataclass(frozen=True)
class Endless(Fault):
    """More bytes than the range has, without a length.

    Attributes:
        more: How many more.
    """

    more: int = 1 << 20

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request)
        body = right.body + bytes(self.more)
        return replace(right, body=body, cut=len(body)).with_headers(Content_Length=None, Connection="close")


@dataclass(frozen=True)
class NoLength(Fault):
    """The whole object without a length: it ends where the connection does."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request.without_range())
        return replace(right, cut=len(right.body)).with_headers(Content_Length=None, Connection="close")


@dataclass(frozen=True)
class Cut(Fault):
    """The connection ends in the middle of a body.

    Attributes:
        after: This many bytes of it.
        reset: With RST, not FIN.
    """

    after: int = 1
    reset: bool = False

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request)
        short = right.status < 300 and len(right.body) > self.after
        return replace(right, cut=self.after, reset=self.reset) if short else right


@dataclass(frozen=True)
class NoReply(Fault):
    """The connection ends without an answer.

    Attributes:
        reset: With RST, not FIN.
    """

    reset: bool = False

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return Answer(status=0, reset=self.reset)


@dataclass(frozen=True)
class Status(Fault):
    """Another status.

    Attributes:
        status: The HTTP status to answer with.
        body: Said with it.
    """

    status: int
    body: bytes = b"no"

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return Answer(status=self.status, body=self.body)


@dataclass(frozen=True)
class Throttled(Fault):
    """Come back later.

    Attributes:
        status: 429 or 503.
        after: The header ``Retry-After``, if there is one.
    """

    status: int = 429
    after: str | None = None

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return Answer(status=self.status, headers={"Retry-After": self.after})


@dataclass(frozen=True)
class Refused(Fault):
    """Access is denied.

    Attributes:
        status: 401 or 403.
    """

    status: int = 403

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return Answer(status=self.status, body=b"<Error><Code>AccessDenied</Code></Error>")


@dataclass(frozen=True)
class Expired(Fault):
    """Access is denied, as what it was asked with has expired: in the words of S3."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        return Answer(status=403, body=body)


@dataclass(frozen=True)
class ChangingETag(Fault):
    """The object is another one at each request, with the same length."""

    _count: Iterator[int] = field(default_factory=itertools.count, repr=False, compare=False)

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(replace(request, headers={**request.headers, "if-match": "*"}))
        return right.with_headers(ETag=f'"{next(self._count)}"') if right.status < 300 else right


@dataclass(frozen=True)
class Encoded(Fault):
    """The body is said to be compressed, though that was not asked for."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request)
        return right.with_headers(Content_Encoding="gzip") if right.status < 300 else right


@dataclass(frozen=True)
class Headless(Fault):
    """HEAD is refused.

    Attributes:
        status: As a signed URL does (403), a server that does not allow it (405) or does not know it (501).
    """

    status: int = 403

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return Answer(status=self.status) if request.method == "HEAD" else honest(request)


@dataclass(frozen=True)
class Slow(Fault):
    """Silence, then the right answer.

    Attributes:
        seconds: Of silence.
    """

    seconds: float

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return replace(honest(request), wait=self.seconds)


@dataclass(frozen=True)
class Redirect(Fault):
    """It is elsewhere.

    Attributes:
        base: URL that the path and the query are put after.
        status: 301, 302, 303, 307 or 308.
    """

    base: str
    status: int = 302

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        query = f"?{request.query}" if request.query else ""
        return Answer(status=self.status, headers={"Location": f"{self.base}/{request.path}{query}"})


@dataclass(frozen=True)
class RedirectLoop(Fault):
    """It is always elsewhere, on the same server."""

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        return Answer(status=302, headers={"Location": f"/{request.path}?again"})


@dataclass(frozen=True)
class HtmlForMissing(Fault):
    """A page, with 200, in place of what is not there."""

    body: bytes = b"<!doctype html><html><body>Not found? Have a look around!</body></html>"

    def answer(self, request: Request, honest: Honest) -> Answer:
        """As `Fault` says."""
        right = honest(request)
        page = Answer(status=200, headers={"Content-Type": "text/html"}, body=self.body)
        return page if right.status == 404 else right


def _pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]

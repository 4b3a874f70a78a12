"""Pieces of objects: the part that is asked for, whether a reply holds just that, and a file piece by piece."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from reelbase.errors import BadReplyError
from reelbase_plugins._remote.refusals import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_MIB: Final = 1 << 20
_PIECE: Final = 8 * _MIB
_LARGE: Final = 64 * _MIB
_SMALL_ONES: Final = 1000  # services count to 10,000 pieces: the later ones of a very large file are larger


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` to ``stop``, or to the end."""

    start: int
    stop: int | None

    @property
    def whole(self) -> bool:
        """Whether it asks for all that there is."""
        return self.start == 0 and self.stop is None

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing."""
        return self.stop is not None and self.stop <= self.start

    @property
    def header(self) -> str:
        """For ``Range``."""
        return f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer to a read.

    Attributes:
        status: Of HTTP.
        content_range: Its ``Content-Range``.
        version: Which version of the object it is of.
        body: What came.
        length: Its ``Content-Length``.
    """

    status: int
    content_range: str | None
    version: str | None
    body: bytes
    length: int | None = None


def checked(reply: Reply, span: Span, url: str, if_match: str | None) -> bytes:
    """The body, if it is just what was asked for.

    Raises:
        BadReplyError: it is something else.
        ObjectChangedError: it is of another version.
    """
    wanted = expected(span)
    if reply.status != wanted:
        told = ": the server sends no parts of objects" if wanted == 206 else ""
        raise _bad(url, f"its status is {reply.status}, not {wanted}{told}")
    if reply.length is not None and reply.length != len(reply.body):
        raise _bad(url, f"{len(reply.body)} of {reply.length} bytes came")
    if if_match is not None and reply.version != if_match:
        raise changed(url)  # some servers, and caches, do not look at conditions
    if not span.whole:
        _check_range(reply, span, url)
    return reply.body


def expected(span: Span) -> int:
    """The status of a reply whose body is worth reading: whole objects may be far too large."""
    return 200 if span.whole else 206


def _check_range(reply: Reply, span: Span, url: str) -> None:
    found = _RANGE.fullmatch((reply.content_range or "").strip())
    if found is None or found[3] == "*":
        raise _bad(url, f"its Content-Range is {reply.content_range!r}")
    first, last, size = int(found[1]), int(found[2]), int(found[3])
    end = size if span.stop is None else min(span.stop, size)
    if (first, last + 1, len(reply.body)) != (span.start, end, end - span.start):
        raise _bad(url, f"{span.header} was asked, {found[0]} with {len(reply.body)} bytes came")


def _bad(url: str, what: str) -> BadReplyError:
    return BadReplyError(f"The reply for {url} was not used: {what}.", "See whether a proxy changes replies.")


def pieces(data: bytes | BinaryIO) -> Iterator[bytes]:
    """The data in order, never more of it in memory than a piece; at least one, which may be empty."""
    file = io.BytesIO(data) if isinstance(data, (bytes, bytearray, memoryview)) else data
    yield _fill(file, _PIECE)
    for number in itertools.count(1):
        piece = _fill(file, _PIECE if number < _SMALL_ONES else _LARGE)
        if not piece:
            return
        yield piece


def _fill(file: BinaryIO, size: int) -> bytes:
    """That many bytes, or what is left: files may return less than they are asked."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)

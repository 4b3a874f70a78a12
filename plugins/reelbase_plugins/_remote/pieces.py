"""Parts of objects: the requested byte range, the check of a reply, and the pieces of an upload."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from reelbase.errors import BadReplyError
from reelbase_plugins._remote.refusals import make_changed_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_MIB: Final = 1 << 20
BYTES_PER_PIECE: Final = 8 * _MIB
# Services allow 10,000 pieces per object, so the later pieces of a very large file are larger.
_BYTES_PER_LARGE_PIECE: Final = 64 * _MIB
_MAX_SMALL_PIECES: Final = 1000


@dataclass(frozen=True)
class Span:
    """A range of bytes: from `start` to before `stop`, or to the end of the object if `stop` is None."""

    start: int
    stop: int | None

    @property
    def whole(self) -> bool:
        """Whether this is the whole object."""
        return self.start == 0 and self.stop is None

    @property
    def empty(self) -> bool:
        """Whether the range has no bytes."""
        return self.stop is not None and self.stop <= self.start

    @property
    def header(self) -> str:
        """The value of the ``Range`` header."""
        return f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The reply to a read.

    Attributes:
        status: HTTP status.
        content_range: The ``Content-Range`` header; None if absent.
        version: Version of the object that the bytes are from: an etag or a generation.
        body: Bytes that were received.
        length: The ``Content-Length`` header; None if absent.
    """

    status: int
    content_range: str | None
    version: str | None
    body: bytes
    length: int | None = None


def check_reply(reply: Reply, span: Span, url: str, if_match: str | None) -> bytes:
    """Return the body, after checking that it is exactly what was requested.

    Args:
        reply: The reply.
        span: Range that was requested.
        url: URL of the object, for messages.
        if_match: Version that was requested; None accepts any.

    Raises:
        BadReplyError: the reply has other bytes than those requested.
        ObjectChangedError: the reply is of another version of the object.
    """
    wanted = get_expected_status(span)
    if reply.status != wanted:
        reason = ": the server does not support range requests" if wanted == 206 else ""
        raise _make_bad_reply_error(url, f"its status is {reply.status}, not {wanted}{reason}")
    if reply.length is not None and reply.length != len(reply.body):
        raise _make_bad_reply_error(url, f"{len(reply.body)} of {reply.length} bytes came")
    if if_match is not None and reply.version != if_match:
        raise make_changed_error(url)  # compared here too, because some servers and caches ignore If-Match
    if not span.whole:
        _check_range(reply, span, url)
    return reply.body


def get_expected_status(span: Span) -> int:
    """Return the HTTP status that a reply must have. Other bodies are not read: a whole object may be very large."""
    return 200 if span.whole else 206


def _check_range(reply: Reply, span: Span, url: str) -> None:
    found = _RANGE.fullmatch((reply.content_range or "").strip())
    if found is None or found[3] == "*":
        raise _make_bad_reply_error(url, f"its Content-Range is {reply.content_range!r}")
    first, last, size = int(found[1]), int(found[2]), int(found[3])
    end = size if span.stop is None else min(span.stop, size)
    if (first, last + 1, len(reply.body)) != (span.start, end, end - span.start):
        raise _make_bad_reply_error(url, f"{span.header} was requested, {found[0]} with {len(reply.body)} bytes came")


def _make_bad_reply_error(url: str, what: str) -> BadReplyError:
    return BadReplyError(f"The reply for {url} was not used: {what}.", "See whether a proxy changes replies.")


def split_into_pieces(data: bytes | BinaryIO) -> Iterator[bytes]:
    """Split data into the pieces of an upload. There is at least one, which may be empty.

    A file is read piece by piece, so that its size does not matter for the memory.
    """
    file = io.BytesIO(data) if isinstance(data, (bytes, bytearray, memoryview)) else data
    yield _read_exactly(file, BYTES_PER_PIECE)
    for number in itertools.count(1):
        piece = _read_exactly(file, BYTES_PER_PIECE if number < _MAX_SMALL_PIECES else _BYTES_PER_LARGE_PIECE)
        if not piece:
            return
        yield piece


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or up to the end of the file. One call of `read` may return fewer."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)

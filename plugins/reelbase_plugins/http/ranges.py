"""Reading exactly the requested bytes from a reply, whatever the server makes of a range request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase.errors import BadReplyError, ConnectionFailedError
from reelbase_plugins._remote.retry import Transient
from reelbase_plugins.http.refusals import make_changed_error, make_error

if TYPE_CHECKING:
    from reelbase_plugins.http.replies import ContentRange, Reply

#: A server without range requests sends the whole file. Up to this size it is read and cut; a larger file is an error,
#: because otherwise every frame would cost a download.
MAX_BYTES_WITHOUT_RANGES: Final = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A requested part of an object.

    Attributes:
        start: First byte.
        stop: Byte after the last one; None reads to the end.
        etag: Etag that the object must have; None accepts any.
    """

    start: int
    stop: int | None
    etag: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The request headers."""
        # A weak etag never matches (RFC 9110, 13.1.1); it is compared when the reply comes.
        pinned = {"If-Match": self.etag} if self.etag and not self.etag.startswith("W/") else {}
        if self.start == 0 and self.stop is None:
            return pinned
        return {"Range": f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}", **pinned}


@dataclass(frozen=True)
class Part:
    """A part of an object that was read.

    Attributes:
        data: The bytes.
        etag: Etag of the object; None if the server does not send one.
        total: Size of the object in bytes; None if the server does not say.
    """

    data: bytes
    etag: str | None
    total: int | None


def read_part(reply: Reply, wanted: Wanted) -> Part | None:
    """Read the requested part from a reply.

    Returns:
        None if the server says that the range is beyond the end, but not how long the object is.

    Raises:
        BadReplyError: the reply has other bytes than those requested.
        ObjectChangedError: the object has another etag.
        Transient, StorageError: the server refused the request.
    """
    if reply.status not in {200, 206, 416}:
        raise make_error(reply)
    if wanted.etag is not None and reply.status != 416 and reply.etag != wanted.etag:
        raise make_changed_error(reply)
    if reply.status == 416:  # the range is beyond the end, which is not an error: the result is empty
        return _read_beyond_end(reply, wanted)
    reply.check_plain()
    return _read_whole(reply, wanted) if reply.status == 200 else _read_partial(reply, wanted)


def _read_beyond_end(reply: Reply, wanted: Wanted) -> Part | None:
    content_range = reply.range
    if content_range is None or content_range.total is None:
        return None
    if content_range.total > wanted.start:
        raise _make_bad_reply_error(reply, wanted, f"says that an object of {content_range.total} bytes has none there")
    return Part(b"", reply.etag, content_range.total)


def _read_partial(reply: Reply, wanted: Wanted) -> Part:
    received = reply.range
    if received is None:
        raise _make_bad_reply_error(reply, wanted, "does not say which bytes it sends")
    if not _matches(received, wanted):
        sent = f"{received.start}:{received.stop} of {received.total or 'unknown length'}"
        raise _make_bad_reply_error(reply, wanted, f"sends {sent}")
    size = received.stop - received.start
    if reply.length not in {None, size}:
        raise _make_bad_reply_error(reply, wanted, f"sends {reply.length} bytes for {received.start}:{received.stop}")
    data = reply.read(size)
    if len(data) < size:
        short = f"{reply.address}: {len(data)} of {size} bytes arrived, then the reply ended."
        raise Transient(ConnectionFailedError(short, "Check the network and the server."))
    return Part(data, reply.etag, received.total)


def _matches(received: ContentRange, wanted: Wanted) -> bool:
    """Return True if the range is the requested one, or ends earlier because the object ends there."""
    if received.start != wanted.start or received.stop <= received.start:
        return False
    if received.total is None:
        return received.stop == wanted.stop
    return received.stop == (received.total if wanted.stop is None else min(wanted.stop, received.total))


def _read_whole(reply: Reply, wanted: Wanted) -> Part:
    """Read from a reply that has the whole object, because the server does not support ranges."""
    size = reply.length
    if not reply.ends:  # a connection that breaks would look like the end of the file
        raise _make_bad_reply_error(reply, wanted, "says neither how long the object is nor where it ends")
    if wanted.start == 0 and (wanted.stop is None or (size is not None and wanted.stop >= size)):
        data = reply.read(size)
    elif (size or 0) <= MAX_BYTES_WITHOUT_RANGES:
        data = _read_small(reply, wanted)
    else:
        raise _make_no_ranges_error(reply, wanted)
    return Part(data[wanted.start : wanted.stop], reply.etag, len(data))


def _read_small(reply: Reply, wanted: Wanted) -> bytes:
    try:
        return reply.read(MAX_BYTES_WITHOUT_RANGES)
    except BadReplyError:
        raise _make_no_ranges_error(reply, wanted) from None


def _make_no_ranges_error(reply: Reply, wanted: Wanted) -> BadReplyError:
    return BadReplyError(
        f"{reply.address}: asked for bytes {_format(wanted)}, the server sends the whole file: it does not support "
        "ranges.",
        "Download the file first, or use a server that supports them (nginx, Apache, Caddy, any object store).",
    )


def _make_bad_reply_error(reply: Reply, wanted: Wanted, what: str) -> BadReplyError:
    return BadReplyError(
        f"{reply.address}: asked for bytes {_format(wanted)}, the server {what}.",
        "The reply was not used. Check the server, and any proxy in front of it.",
    )


def _format(wanted: Wanted) -> str:
    return f"{wanted.start}:{'' if wanted.stop is None else wanted.stop}"

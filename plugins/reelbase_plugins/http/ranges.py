"""Exactly the bytes that were asked for, out of whatever a server makes of a range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase.errors import BadReplyError, ConnectionFailedError
from reelbase_plugins._remote.retry import Transient
from reelbase_plugins.http.refusals import changed, refusal

if TYPE_CHECKING:
    from reelbase_plugins.http.replies import ContentRange, Reply

SMALL: Final = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """Bytes ``start:stop`` (to the end by default) of an object that has an etag, if one is known."""

    start: int
    stop: int | None
    etag: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Of the request."""
        # A weak etag never matches (RFC 9110, 13.1.1); it is compared when the reply comes.
        pinned = {"If-Match": self.etag} if self.etag and not self.etag.startswith("W/") else {}
        if self.start == 0 and self.stop is None:
            return pinned
        return {"Range": f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}", **pinned}


@dataclass(frozen=True)
class Part:
    """Bytes of an object, and which object it was."""

    data: bytes
    etag: str | None
    total: int | None


def part(reply: Reply, wanted: Wanted) -> Part | None:
    """What was wanted; None: the server has nothing there, and does not say how long the object is.

    Raises:
        BadReplyError: other bytes came.
        ObjectChangedError: it is another object.
        Transient, StorageError: none came.
    """
    if reply.status not in {200, 206, 416}:
        raise refusal(reply)
    if wanted.etag is not None and reply.status != 416 and reply.etag != wanted.etag:
        raise changed(reply)
    if reply.status == 416:
        return _nothing(reply, wanted)
    reply.check_plain()
    return _whole(reply, wanted) if reply.status == 200 else _cut(reply, wanted)


def _nothing(reply: Reply, wanted: Wanted) -> Part | None:
    said = reply.range
    if said is None or said.total is None:
        return None
    if said.total > wanted.start:
        raise _wrong(reply, wanted, f"says that an object of {said.total} bytes has none there")
    return Part(b"", reply.etag, said.total)


def _cut(reply: Reply, wanted: Wanted) -> Part:
    came = reply.range
    if came is None:
        raise _wrong(reply, wanted, "does not say which bytes it sends")
    if not _is(came, wanted):
        raise _wrong(reply, wanted, f"sends {came.start}:{came.stop} of {came.total or 'unknown length'}")
    size = came.stop - came.start
    if reply.length not in {None, size}:
        raise _wrong(reply, wanted, f"sends {reply.length} bytes for {came.start}:{came.stop}")
    data = reply.read(size)
    if len(data) < size:
        short = f"{reply.address}: {len(data)} of {size} bytes came, then the reply ended."
        raise Transient(ConnectionFailedError(short, "Check the network and the server."))
    return Part(data, reply.etag, came.total)


def _is(came: ContentRange, wanted: Wanted) -> bool:
    """Whether it is all that was asked for, as far as the object goes."""
    if came.start != wanted.start or came.stop <= came.start:
        return False
    if came.total is None:
        return came.stop == wanted.stop
    return came.stop == (came.total if wanted.stop is None else min(wanted.stop, came.total))


def _whole(reply: Reply, wanted: Wanted) -> Part:
    """The server takes no ranges: cut it out, if that costs little."""
    size = reply.length
    if not reply.ends:
        raise _wrong(reply, wanted, "says neither how long the object is nor where it ends")
    if wanted.start == 0 and (wanted.stop is None or (size is not None and wanted.stop >= size)):
        data = reply.read(size)
    elif (size or 0) <= SMALL:
        data = _small(reply, wanted)
    else:
        raise _no_ranges(reply, wanted)
    return Part(data[wanted.start : wanted.stop], reply.etag, len(data))


def _small(reply: Reply, wanted: Wanted) -> bytes:
    try:
        return reply.read(SMALL)
    except BadReplyError:
        raise _no_ranges(reply, wanted) from None


def _no_ranges(reply: Reply, wanted: Wanted) -> BadReplyError:
    return BadReplyError(
        f"{reply.address}: asked for bytes {_shown(wanted)}, the server sends the whole file: it knows no ranges.",
        "Download the file first, or serve it with a server that does (nginx, Apache, Caddy, any object store).",
    )


def _wrong(reply: Reply, wanted: Wanted, what: str) -> BadReplyError:
    return BadReplyError(
        f"{reply.address}: asked for bytes {_shown(wanted)}, the server {what}.",
        "Nothing of it was used; check the server and what stands before it.",
    )


def _shown(wanted: Wanted) -> str:
    return f"{wanted.start}:{'' if wanted.stop is None else wanted.stop}"

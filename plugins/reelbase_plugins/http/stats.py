"""Size and etag of an object, from its headers or, where a server does not give them alone, with its first byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase.errors import BadReplyError
from reelbase.plugin import Stat
from reelbase_plugins.http.refusals import refusal

if TYPE_CHECKING:
    from reelbase_plugins.http.replies import Reply

#: To HEAD: it is not allowed, not known, or the URL is signed for GET alone.
_HEADLESS: Final = frozenset({400, 403, 405, 501})

FIRST_BYTE: Final = {"Range": "bytes=0-0"}


def of_head(reply: Reply) -> Stat | None:
    """From a reply to HEAD; None: it does not tell.

    Raises:
        Transient, StorageError: there is nothing to look at.
    """
    if reply.status in _HEADLESS or (reply.status == 200 and reply.length is None):
        return None
    if reply.status != 200:
        raise refusal(reply)
    reply.check_plain()
    return _stat(reply, reply.length)


def of_first_byte(reply: Reply) -> Stat:
    """From a reply to `FIRST_BYTE`; the body is not read.

    Raises:
        BadReplyError: it does not tell either.
        Transient, StorageError: there is nothing to look at.
    """
    if reply.status not in {200, 206, 416}:
        raise refusal(reply)
    if reply.status == 200:
        reply.check_plain()
        return _stat(reply, reply.length)
    return _stat(reply, reply.range.total if reply.range else None)


def _stat(reply: Reply, size: int | None) -> Stat:
    if size is None:
        raise BadReplyError(
            f"{reply.address}: the server does not say how long the file is.", "Download it, and read the copy."
        )
    return Stat(size=size, etag=reply.etag, modified=reply.modified)

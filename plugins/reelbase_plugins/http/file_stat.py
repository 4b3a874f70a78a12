"""Size and etag of an object, from a reply to HEAD, or from a reply to GET of its first byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase.errors import BadReplyError
from reelbase.plugin import Stat
from reelbase_plugins.http.refusals import make_error

if TYPE_CHECKING:
    from reelbase_plugins.http.replies import Reply

#: Statuses of servers that do not support HEAD. 403: the URL is signed for GET only.
_HEAD_NOT_SUPPORTED: Final = frozenset({400, 403, 405, 501})

FIRST_BYTE: Final = {"Range": "bytes=0-0"}


def read_head(reply: Reply) -> Stat | None:
    """Read size and etag from a reply to HEAD.

    Returns:
        None if the server does not support HEAD, or does not say the size.

    Raises:
        Transient, StorageError: the server refused the request.
    """
    if reply.status in _HEAD_NOT_SUPPORTED or (reply.status == 200 and reply.length is None):
        return None
    if reply.status != 200:
        raise make_error(reply)
    reply.check_plain()
    return _make_stat(reply, reply.length)


def read_first_byte(reply: Reply) -> Stat:
    """Read size and etag from a reply to GET with the headers `FIRST_BYTE`. The body is not read.

    Raises:
        BadReplyError: the server does not say the size here either.
        Transient, StorageError: the server refused the request.
    """
    if reply.status not in {200, 206, 416}:
        raise make_error(reply)
    if reply.status == 200:
        reply.check_plain()
        return _make_stat(reply, reply.length)
    return _make_stat(reply, reply.range.total if reply.range else None)


def _make_stat(reply: Reply, size: int | None) -> Stat:
    if size is None:
        raise BadReplyError(
            f"{reply.address}: the server does not say how large the file is.", "Download it, and read the copy."
        )
    return Stat(size=size, etag=reply.etag, modified=reply.modified)

"""One reply of a web server: its headers understood, its body read to exactly its end."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from reelbase.errors import BadReplyError, ConnectionFailedError, StorageTimeoutError
from reelbase_plugins._remote.retry import Transient
from reelbase_plugins.http.failures import failing

if TYPE_CHECKING:
    from datetime import datetime

    from urllib3 import BaseHTTPResponse

    from reelbase_plugins.http.address import Address

BYTES_PER_READ: Final = 1 << 18
_DRAINED: Final = 1 << 16  # a rest as small as this is read, to use the connection again
_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True)
class ContentRange:
    """Which bytes came: ``start:stop`` (nothing, if none can) of ``total`` (None: the server does not know)."""

    start: int
    stop: int
    total: int | None


class Reply:
    """A reply whose body is still to be read.

    Args:
        response: As urllib3 gives it.
        address: That answered.
        end: When, by the monotonic clock, it must have come.
    """

    def __init__(self, response: BaseHTTPResponse, address: Address, end: float) -> None:
        self._response = response
        self._end = end
        self._done = False
        self.address = address
        self.status = response.status

    def header(self, name: str) -> str | None:
        """A header's value."""
        value: str | None = self._response.headers.get(name)
        return value

    @property
    def length(self) -> int | None:
        """Bytes of the body, if its header says."""
        said = self.header("Content-Length")
        return int(said) if said and said.isascii() and said.isdigit() else None

    @property
    def ends(self) -> bool:
        """Whether one can tell that the body came to its end: otherwise a broken connection looks like one."""
        return self.length is not None or (self.header("Transfer-Encoding") or "").strip().lower() == "chunked"

    @property
    def etag(self) -> str | None:
        """The etag, as it is spelled."""
        return (self.header("ETag") or "").strip() or None

    @property
    def modified(self) -> datetime | None:
        """When the object was last written."""
        try:
            found = parsedate_to_datetime(self.header("Last-Modified") or "")
        except (ValueError, TypeError):
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def range(self) -> ContentRange | None:
        """What ``Content-Range`` says, if it makes sense."""
        found = _CONTENT_RANGE.fullmatch((self.header("Content-Range") or "").strip())
        if not found:
            return None
        start, last, total = found.groups()
        whole = None if total == "*" else int(total)
        return ContentRange(0, 0, whole) if start is None else ContentRange(int(start), int(last) + 1, whole)

    def check_plain(self) -> None:
        """See that the body is the object's own bytes.

        Raises:
            BadReplyError: they are compressed.
        """
        encoding = (self.header("Content-Encoding") or "identity").strip().lower()
        if encoding != "identity":
            raise BadReplyError(
                f"{self.address}: the server sends it encoded ({encoding!r}), though asked not to.",
                "Turn that off for these files on the server.",
            )

    def read(self, most: int | None) -> bytes:
        """The whole body.

        Raises:
            BadReplyError: it is longer than `most`.
            Transient: it is cut short, or comes too late.
        """
        parts, size = [], 0
        while part := self._next():
            parts.append(part)
            size += len(part)
            if most is not None and size > most:
                raise BadReplyError(f"{self.address}: more than {most} bytes came.", "They were not used.")
        if self.length is not None and size != self.length:
            raise Transient(
                ConnectionFailedError(
                    f"{self.address}: {size} of {self.length} bytes came, then the connection ended.",
                    "Check the network and the server.",
                )
            )
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def head(self, most: int) -> bytes:
        """The body's first bytes."""
        parts, size = [], 0
        while size < most and (part := self._next()):
            parts.append(part)
            size += len(part)
        return b"".join(parts)[:most]

    def _next(self) -> bytes:
        if time.monotonic() > self._end:
            raise StorageTimeoutError(
                f"{self.address}: it was still coming when the time for one call was over.",
                "Raise this storage's option deadline, or read less at once.",
            )
        with failing(self.address):
            part = self._response.read1(BYTES_PER_READ, decode_content=False)
        self._done = not part
        return part

    def close(self) -> None:
        """Give the connection back, for use again if little is left on it."""
        rest = 0 if self._done else self._response.length_remaining
        if rest is None or rest > _DRAINED:
            self._response.close()
        else:  # also nothing: it must be read to be over
            self._response.drain_conn()
        self._response.release_conn()

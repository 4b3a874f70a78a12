"""A reply of a web server: parsed headers, and a body that is read to exactly its end."""

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
# If at most this much of a body is left, it is read, so that the connection can be used again.
_MAX_BYTES_TO_DRAIN: Final = 1 << 16
_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True)
class ContentRange:
    """A parsed ``Content-Range`` header.

    Attributes:
        start: First byte of the body.
        stop: Byte after the last one; 0 if the server has no bytes in the requested range.
        total: Size of the object; None if the server does not say.
    """

    start: int
    stop: int
    total: int | None


class Reply:
    """A reply whose body has not been read yet.

    Args:
        response: Response of urllib3.
        address: Address of the request.
        end: Time on the monotonic clock at which the body must have arrived.
    """

    def __init__(self, response: BaseHTTPResponse, address: Address, end: float) -> None:
        self._response = response
        self._end = end
        self._done = False
        self.address = address
        self.status = response.status

    def header(self, name: str) -> str | None:
        """Return the value of a header; None if it is absent."""
        value: str | None = self._response.headers.get(name)
        return value

    @property
    def length(self) -> int | None:
        """Size of the body from ``Content-Length``; None if that is absent or invalid."""
        value = self.header("Content-Length")
        return int(value) if value and value.isascii() and value.isdigit() else None

    @property
    def ends(self) -> bool:
        """Whether the end of the body is marked. If not, a broken connection looks like the end."""
        return self.length is not None or (self.header("Transfer-Encoding") or "").strip().lower() == "chunked"

    @property
    def etag(self) -> str | None:
        """The etag with its quotes; None if absent."""
        return (self.header("ETag") or "").strip() or None

    @property
    def modified(self) -> datetime | None:
        """Time of the last modification; None if it is absent or invalid."""
        try:
            found = parsedate_to_datetime(self.header("Last-Modified") or "")
        except (ValueError, TypeError):
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def range(self) -> ContentRange | None:
        """The parsed ``Content-Range``; None if it is absent or invalid."""
        found = _CONTENT_RANGE.fullmatch((self.header("Content-Range") or "").strip())
        if not found:
            return None
        start, last, total = found.groups()
        whole = None if total == "*" else int(total)
        return ContentRange(0, 0, whole) if start is None else ContentRange(int(start), int(last) + 1, whole)

    def check_plain(self) -> None:
        """Check that the body is not compressed.

        Raises:
            BadReplyError: it is: a range of it would not be a range of the object.
        """
        encoding = (self.header("Content-Encoding") or "identity").strip().lower()
        if encoding != "identity":
            raise BadReplyError(
                f"{self.address}: the server sends it encoded ({encoding!r}), although the request forbids it.",
                "Turn this encoding off for these files on the server.",
            )

    def read(self, most: int | None) -> bytes:
        """Read the whole body.

        Args:
            most: Highest number of bytes to accept; None accepts any.

        Raises:
            BadReplyError: it is longer than `most`.
            Transient: it is cut short.
            StorageTimeoutError: it does not arrive in time.
        """
        parts, size = [], 0
        while part := self._read_next():
            parts.append(part)
            size += len(part)
            if most is not None and size > most:
                raise BadReplyError(f"{self.address}: more than {most} bytes arrived.", "They were not used.")
        if self.length is not None and size != self.length:
            raise Transient(
                ConnectionFailedError(
                    f"{self.address}: {size} of {self.length} bytes arrived, then the connection ended.",
                    "Check the network and the server.",
                )
            )
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def head(self, most: int) -> bytes:
        """Read the first bytes of the body, at most `most`."""
        parts, size = [], 0
        while size < most and (part := self._read_next()):
            parts.append(part)
            size += len(part)
        return b"".join(parts)[:most]

    def _read_next(self) -> bytes:
        # The timeout of urllib3 is for each read: a reply that trickles in would never reach it.
        if time.monotonic() > self._end:
            raise StorageTimeoutError(
                f"{self.address}: the reply had not arrived when the time for one call was over.",
                "Raise this storage's option deadline, or read less in one call.",
            )
        with failing(self.address):
            part = self._response.read1(BYTES_PER_READ, decode_content=False)
        self._done = not part
        return part

    def close(self) -> None:
        """Return the connection to its pool, or close it if much of the body has not been read."""
        rest = 0 if self._done else self._response.length_remaining
        if rest is None or rest > _MAX_BYTES_TO_DRAIN:
            self._response.close()
        else:  # also if nothing is left: urllib3 has to read the end of the body
            self._response.drain_conn()
        self._response.release_conn()

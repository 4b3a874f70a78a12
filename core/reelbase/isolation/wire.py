"""Messages between a parent and its worker: a JSON head and a body of bytes."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LENGTHS: Final = struct.Struct("<IQ")
_HEAD: Final = 1 << 22


class BrokenWireError(Exception):
    """The other side is gone, or does not speak as it should."""


class Wire:
    """One end of a connection.

    Args:
        incoming: To read from.
        outgoing: To write to.
    """

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def send(self, head: dict[str, Any], body: ReadableBuffer = b"") -> None:
        """One message."""
        text, data = json.dumps(head).encode(), memoryview(body)
        data = data.cast("B") if data.nbytes else memoryview(b"")
        try:
            self._outgoing.write(_LENGTHS.pack(len(text), data.nbytes))
            self._outgoing.write(text)
            self._outgoing.write(data)
            self._outgoing.flush()
        except (OSError, ValueError):
            raise BrokenWireError from None

    def head(self) -> tuple[dict[str, Any], int]:
        """The head of the next message, and the bytes of its body, which is to be read then."""
        text, size = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        if text > _HEAD:
            raise BrokenWireError
        try:
            head = json.loads(self._exactly(text))
        except ValueError:
            head = None
        if not isinstance(head, dict):
            raise BrokenWireError
        return head, size

    def body(self, size: int) -> bytes:
        """The body."""
        return self._exactly(size)

    def body_into(self, target: memoryview) -> None:
        """The body, into memory of just its size."""
        filled = 0
        while filled < target.nbytes:
            count = self._incoming.readinto(target[filled:])  # type: ignore[attr-defined]
            if not count:
                raise BrokenWireError
            filled += count

    def _exactly(self, size: int) -> bytes:
        try:
            data = self._incoming.read(size)
        except (OSError, ValueError):
            raise BrokenWireError from None
        if len(data) != size:
            raise BrokenWireError
        return data

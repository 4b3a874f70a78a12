"""Messages between a parent and its worker: a head in JSON, and a body of bytes.

JSON, not pickle: unpickling what a hostile file made a worker send would run its code in the parent.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LENGTHS: Final = struct.Struct("<IQ")  # bytes of the head, bytes of the body
MAX_HEAD_BYTES: Final = 1 << 22


class BrokenWireError(Exception):
    """The other process has ended, or sent something that is not a valid message."""


class Wire:
    """One end of the connection between a parent and its worker.

    Every method raises BrokenWireError if the other process has ended or sends an invalid message.

    Args:
        incoming: The pipe that messages are read from.
        outgoing: The pipe that messages are written to.
    """

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def send(self, head: dict[str, Any], body: ReadableBuffer = b"") -> None:
        """Send one message.

        Args:
            head: The head, JSON-able.
            body: The bytes of the body; any C-contiguous buffer, such as an array.
        """
        text, data = json.dumps(head).encode(), memoryview(body)
        data = data.cast("B") if data.nbytes else memoryview(b"")
        try:
            self._outgoing.write(_LENGTHS.pack(len(text), data.nbytes))
            self._outgoing.write(text)
            self._outgoing.write(data)
            self._outgoing.flush()
        except (OSError, ValueError):
            raise BrokenWireError from None

    def read_head(self) -> tuple[dict[str, Any], int]:
        """Return the head of the next message, and the size of its body in bytes. Read the body next."""
        head_size, body_size = _LENGTHS.unpack(self._read_exactly(_LENGTHS.size))
        if head_size > MAX_HEAD_BYTES:
            raise BrokenWireError
        try:
            head = json.loads(self._read_exactly(head_size))
        except ValueError:
            head = None
        if not isinstance(head, dict):
            raise BrokenWireError
        return head, body_size

    def read_body(self, size: int) -> bytes:
        """Return the body of the message whose head was read, of `size` bytes."""
        return self._read_exactly(size)

    def read_body_into(self, target: memoryview) -> None:
        """Read the body into memory of exactly its size, without a copy."""
        filled = 0
        while filled < target.nbytes:
            count = self._incoming.readinto(target[filled:])  # type: ignore[attr-defined]
            if not count:
                raise BrokenWireError
            filled += count

    def _read_exactly(self, size: int) -> bytes:
        try:
            data = self._incoming.read(size)
        except (OSError, ValueError):
            raise BrokenWireError from None
        if len(data) != size:
            raise BrokenWireError
        return data

"""AV1 headers: frames that are shown once and kept by nothing (AV1 bitstream specification 5.5 and 5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.bitstream.bit_reader import Bits
from reelbase_plugins.video.bitstream.packet_flags import Look, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEQUENCE: Final = 1
_FRAMES: Final = (3, 6)
_SELECT: Final = 2
_KEY, _INTRA_ONLY, _SWITCH = 0, 2, 3


class Av1(Parser):
    """A temporal unit is droppable if its one frame is shown and refreshes no reference."""

    def __init__(self, extradata: bytes) -> None:
        self._sequence: _Sequence | None = None
        if len(extradata) > 4 and extradata[0] == 0x81:
            extradata = extradata[4:]
        for kind, body in _obus(extradata):
            self._take(kind, body)

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        frames = []
        for kind, body in _obus(data):
            self._take(kind, body)
            if kind in _FRAMES:
                frames.append(body)
        if len(frames) != 1 or self._sequence is None:
            return 0
        return Look.DISPOSABLE if self._sequence.unkept(frames[0]) else 0

    def _take(self, kind: int, body: bytes) -> None:
        if kind == _SEQUENCE:
            self._sequence = _Sequence(body)


def _obus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """OBU types with the first bytes of their payloads (5.3)."""
    at = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & 4 else 1
        size = len(data) - at
        if head & 2:
            size = shift = 0
            while at < len(data):
                byte = data[at]
                at += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128 or shift > 56:
                    break
        yield (head >> 3) & 15, data[at : at + min(size, 128)]
        at += size


class _Sequence:
    """The fields of a sequence header that frame headers depend on (5.5.1)."""

    def __init__(self, body: bytes) -> None:
        bits = Bits(body)
        bits.skip(3)
        self.still = bool(bits.u(1))
        self.reduced = bool(bits.u(1))
        self.times = False
        self.known = not self.reduced and self._operating_points(bits)
        if self.known:
            self._sizes(bits)
            self._tools(bits)

    def _operating_points(self, bits: Bits) -> bool:
        """Whether the header is of the plain kind, without a decoder model."""
        if bits.u(1):
            bits.skip(64)
            if bits.u(1):
                bits.ue()
            if bits.u(1):
                return False
        initial_delay = bits.u(1)
        for _ in range(bits.u(5) + 1):
            bits.skip(12)
            if bits.u(5) > 7:
                bits.skip(1)
            if initial_delay and bits.u(1):
                bits.skip(4)
        return True

    def _sizes(self, bits: Bits) -> None:
        width, height = bits.u(4) + 1, bits.u(4) + 1
        bits.skip(width + height)
        self.id_bits = 0
        if bits.u(1):
            delta = bits.u(4) + 2
            self.id_bits = delta + bits.u(3) + 1

    def _tools(self, bits: Bits) -> None:
        bits.skip(3 + 4)
        order_hint = bits.u(1)
        bits.skip(2 if order_hint else 0)
        self.screen = _SELECT if bits.u(1) else bits.u(1)
        self.integer_mv = _SELECT
        if self.screen:
            self.integer_mv = _SELECT if bits.u(1) else bits.u(1)
        self.order_bits = bits.u(3) + 1 if order_hint else 0

    def unkept(self, body: bytes) -> bool:
        """Whether the frame is shown and refreshes nothing (5.9.2)."""
        if not self.known:
            return False
        bits = Bits(body)
        existing, kind, shown = bits.u(1), bits.u(2), bits.u(1)
        if existing or not shown or kind in (_KEY, _SWITCH):
            return False
        resilient = bits.u(1)
        bits.skip(1)
        screen = bits.u(1) if self.screen == _SELECT else self.screen
        if screen and self.integer_mv == _SELECT:
            bits.skip(1)
        bits.skip(self.id_bits + 1 + self.order_bits)
        if not (kind == _INTRA_ONLY or resilient):
            bits.skip(3)
        return bits.u(8) == 0

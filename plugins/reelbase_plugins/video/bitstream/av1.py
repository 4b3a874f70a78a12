"""AV1 headers: which frames are shown and then never used as a reference (AV1 bitstream specification 5.5 and 5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.bitstream.bit_reader import BitReader
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_OBU_SEQUENCE_HEADER: Final = 1
_OBU_FRAMES: Final = (3, 6)  # a frame header by itself, and a frame header with tile data
_SELECT: Final = 2  # SELECT_SCREEN_CONTENT_TOOLS and SELECT_INTEGER_MV: each frame header states the value
_KEY_FRAME, _INTRA_ONLY_FRAME, _SWITCH_FRAME = 0, 2, 3
_MAX_HEADER_BYTES: Final = 128  # of an OBU: no more is copied, as tile data are not read


class Av1(Parser):
    """Marks a temporal unit as disposable if its only frame is shown and refreshes no reference."""

    def __init__(self, extradata: bytes) -> None:
        self._sequence: _Sequence | None = None
        if len(extradata) > 4 and extradata[0] == 0x81:  # an AV1CodecConfigurationRecord: OBUs follow its four bytes
            extradata = extradata[4:]
        for kind, body in _iter_obus(extradata):
            self._read_sequence_header(kind, body)

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        frames = []
        for kind, body in _iter_obus(data):
            self._read_sequence_header(kind, body)
            if kind in _OBU_FRAMES:
                frames.append(body)
        if len(frames) != 1 or self._sequence is None:
            return 0
        return PacketFlags.DISPOSABLE if self._sequence.is_disposable(frames[0]) else 0

    def _read_sequence_header(self, kind: int, body: bytes) -> None:
        if kind == _OBU_SEQUENCE_HEADER:
            self._sequence = _Sequence(body)


def _iter_obus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the first bytes of the payload of each OBU (5.3)."""
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & 4 else 1
        size = len(data) - at
        if header & 2:  # obu_has_size_field: a leb128 number
            size = shift = 0
            while at < len(data):
                byte = data[at]
                at += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128 or shift > 56:
                    break
        yield (header >> 3) & 15, data[at : at + min(size, _MAX_HEADER_BYTES)]
        at += size


class _Sequence:
    """The fields of a sequence header that are needed to read frame headers (5.5.1).

    Attributes:
        is_readable: False if frame headers carry fields that this parser does not read; no frame is marked then.
    """

    def __init__(self, body: bytes) -> None:
        bits = BitReader(body)
        bits.skip(3)
        self.still = bool(bits.u(1))
        self.reduced = bool(bits.u(1))
        self.times = False
        self.is_readable = not self.reduced and self._skip_operating_points(bits)
        if self.is_readable:
            self._read_sizes(bits)
            self._read_tools(bits)

    def _skip_operating_points(self, bits: BitReader) -> bool:
        """Skip the operating points; return False if there is a decoder model, whose fields are not read."""
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

    def _read_sizes(self, bits: BitReader) -> None:
        width, height = bits.u(4) + 1, bits.u(4) + 1
        bits.skip(width + height)
        self.id_bits = 0
        if bits.u(1):
            delta_bits = bits.u(4) + 2
            self.id_bits = delta_bits + bits.u(3) + 1

    def _read_tools(self, bits: BitReader) -> None:
        bits.skip(3 + 4)
        order_hint = bits.u(1)
        bits.skip(2 if order_hint else 0)
        self.screen_content = _SELECT if bits.u(1) else bits.u(1)
        self.integer_mv = _SELECT
        if self.screen_content:
            self.integer_mv = _SELECT if bits.u(1) else bits.u(1)
        self.order_bits = bits.u(3) + 1 if order_hint else 0

    def is_disposable(self, body: bytes) -> bool:
        """Return True if the frame is shown and refreshes no reference (5.9.2)."""
        if not self.is_readable:
            return False
        bits = BitReader(body)
        show_existing, kind, shown = bits.u(1), bits.u(2), bits.u(1)
        if show_existing or not shown or kind in (_KEY_FRAME, _SWITCH_FRAME):
            return False
        error_resilient = bits.u(1)
        bits.skip(1)
        screen_content = bits.u(1) if self.screen_content == _SELECT else self.screen_content
        if screen_content and self.integer_mv == _SELECT:
            bits.skip(1)
        bits.skip(self.id_bits + 1 + self.order_bits)
        if not (kind == _INTRA_ONLY_FRAME or error_resilient):
            bits.skip(3)
        return bits.u(8) == 0  # refresh_frame_flags

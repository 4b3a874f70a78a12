"""Parsers of packet headers, by codec: can the packet be skipped, can decoding start at it, is it a second field.

Containers rarely store this (one of eight files had "disposable" marks), so the headers of the packets are read. A
parser gets the packets in decode order and returns `PacketFlags` for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.bitstream.av1 import Av1
from reelbase_plugins.video.bitstream.h264 import H264
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hevc(Parser):
    """HEVC (ITU-T H.265 7.3.1.2 and table 7-1).

    A sub-layer non-reference picture is disposable in the highest sub-layer only: pictures of higher ones may refer to
    it. That is why the layer is returned with the flags.
    """

    _NAL_IDR: Final = (19, 20)
    _NAL_BLA: Final = (16, 17, 18)  # broken link access: some of its leading pictures cannot be decoded
    _NAL_CRA: Final = 21

    def __init__(self, extradata: bytes) -> None:
        self._length_bytes = (extradata[21] & 3) + 1 if len(extradata) > 22 and extradata[0] == 1 else 0

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        for at in find_nal_units(data, self._length_bytes):
            kind, layer = (data[at] >> 1) & 63, (data[at] & 1) << 5 | data[at + 1] >> 3
            if kind < 32 and not layer:
                return self._flag_picture(kind, (data[at + 1] & 7) - 1, key=key)
        return 0

    def _flag_picture(self, kind: int, layer: int, *, key: bool) -> int:
        if kind in self._NAL_IDR:
            return PacketFlags.CLOSED
        if kind in self._NAL_BLA:
            return PacketFlags.START | PacketFlags.UNSURE
        if kind == self._NAL_CRA:
            return PacketFlags.START
        disposable = PacketFlags.DISPOSABLE if kind < 16 and not kind & 1 else 0
        return disposable | layer << PacketFlags.LAYER_SHIFT | (PacketFlags.NO_START if key else 0)


class Mpeg2(Parser):
    """MPEG-1 and MPEG-2 (ISO/IEC 11172-2 2.4.2, 13818-2 6.2): no picture refers to a B picture."""

    def __init__(self, extradata: bytes) -> None:
        self._last_sequence = b""

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        flags = self._check_size(data) if key else 0
        group_header = data.find(b"\0\0\1\xb8")
        if group_header >= 0 and len(data) > group_header + 7:
            flags |= PacketFlags.CLOSED if data[group_header + 7] & 0x40 else 0  # closed_gop
            flags |= PacketFlags.UNSURE if data[group_header + 7] & 0x20 else 0  # broken_link
        types = [(data[at + 5] >> 3) & 7 for at in _find_all(data, b"\0\0\1\0") if at + 5 < len(data)]
        return flags | (PacketFlags.DISPOSABLE if types and all(kind == 3 for kind in types) else 0)

    def _check_size(self, data: bytes) -> int:
        """Return UNSURE if the sequence header states another frame size than the one before."""
        at = data.find(b"\0\0\1\xb3")
        if at < 0:
            return 0
        previous, self._last_sequence = self._last_sequence, data[at + 4 : at + 7]
        return PacketFlags.UNSURE if previous not in (b"", self._last_sequence) else 0


class Mpeg4(Parser):
    """MPEG-4 part 2 (ISO/IEC 14496-2 6.2.5). Two VOPs in one packet are the "packed bitstream" of some AVI writers."""

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        types = [data[at + 4] >> 6 for at in _find_all(data, b"\0\0\1\xb6") if at + 4 < len(data)]
        if len(types) > 1:
            return PacketFlags.UNSURE
        return PacketFlags.DISPOSABLE if types == [2] else 0


class Vp8(Parser):
    """VP8 (RFC 6386 9.1): one bit states whether the frame is shown."""

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        return 0 if data[0] & 0x10 else PacketFlags.HIDDEN


class Vp9(Parser):
    """VP9 (bitstream specification 6.2). A superframe (annex B) always shows one frame."""

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        superframe = data[-1] & 0xE0 == 0xC0
        bits = f"{int.from_bytes(data[:2].ljust(2, b'0'), 'big'):016b}"
        at = 5 if bits[2:4] == "11" else 4  # profile 3 has a reserved bit more
        show_existing, shown = bits[at] == "1", bits[at + 2] == "1"
        return 0 if superframe or show_existing or shown else PacketFlags.HIDDEN


_PARSERS_BY_CODEC: Final[dict[str, type[Parser]]] = {
    "h264": H264,
    "hevc": Hevc,
    "av1": Av1,
    "mpeg1video": Mpeg2,
    "mpeg2video": Mpeg2,
    "mpeg4": Mpeg4,
    "vp8": Vp8,
    "vp9": Vp9,
}


def make_parser(codec: str, extradata: bytes) -> Parser:
    """Make the parser of a codec. Codecs without a parser get one that sets no flags.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: Codec settings that the container stores apart from the packets.
    """
    return _PARSERS_BY_CODEC.get(codec, Parser)(extradata)


def find_nal_units(data: bytes, length_bytes: int) -> Iterator[int]:
    """Yield the positions of NAL units of at least two bytes.

    Each comes after its length in `length_bytes` bytes, or after a start code if `length_bytes` is 0.
    """
    if not length_bytes:
        yield from (at + 3 for at in _find_all(data, b"\0\0\1") if at + 4 < len(data))
        return
    at = 0
    while at + length_bytes + 1 < len(data):
        yield at + length_bytes
        at += length_bytes + int.from_bytes(data[at : at + length_bytes], "big")


def _find_all(data: bytes, code: bytes) -> Iterator[int]:
    at = data.find(code)
    while at >= 0:
        yield at
        at = data.find(code, at + len(code))

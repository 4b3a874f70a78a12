"""What a packet's own headers say: can it be dropped, can decoding start here, is it a second field.

Containers rarely tell (the "disposable" mark was set in one of eight files), so the headers are read. A parser
looks at packets in decode order and answers with bits of `Look`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.bitstream.av1 import Av1
from reelbase_plugins.video.bitstream.h264 import H264
from reelbase_plugins.video.bitstream.packet_flags import Look, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator


_HEADER: Final = 24


class Hevc(Parser):
    """ITU-T H.265 7.3.1.2 and table 7-1. A sub-layer non-reference picture is droppable in the top sub-layer only."""

    _CLOSED: Final = (19, 20)
    _BROKEN: Final = (16, 17, 18)
    _CRA: Final = 21
    _SPS: Final = 33

    def __init__(self, extradata: bytes) -> None:
        self._length = (extradata[21] & 3) + 1 if len(extradata) > 22 and extradata[0] == 1 else 0
        self._sequence = b""

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        found = 0
        for at in nal_starts(data, self._length):
            kind, layer = (data[at] >> 1) & 63, (data[at] & 1) << 5 | data[at + 1] >> 3
            if kind < 32 and not layer:
                return found | self._picture(kind, (data[at + 1] & 7) - 1, key=key)
            if kind == self._SPS and not layer:
                before, self._sequence = self._sequence, data[at : at + _HEADER]
                found |= Look.UNSURE if before not in (b"", self._sequence) else 0
        return 0

    def _picture(self, kind: int, layer: int, *, key: bool) -> int:
        if kind in self._CLOSED:
            return Look.CLOSED
        if kind in self._BROKEN:
            return Look.START | Look.UNSURE
        if kind == self._CRA:
            return Look.START
        droppable = Look.DISPOSABLE if kind < 16 and not kind & 1 else 0
        return droppable | layer << Look.LAYER_SHIFT | (Look.NO_START if key else 0)


class Mpeg2(Parser):
    """ISO/IEC 11172-2 2.4.2 and 13818-2 6.2: B pictures refer, and nothing refers to them."""

    def __init__(self, extradata: bytes) -> None:
        self._sequence = b""

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        found = self._resize(data) if key else 0
        group = data.find(b"\0\0\1\xb8")
        if group >= 0 and len(data) > group + 7:
            found |= Look.CLOSED if data[group + 7] & 0x40 else 0
            found |= Look.UNSURE if data[group + 7] & 0x20 else 0
        types = [(data[at + 5] >> 3) & 7 for at in _all(data, b"\0\0\1\0") if at + 5 < len(data)]
        return found | (Look.DISPOSABLE if types and all(t == 3 for t in types) else 0)

    def _resize(self, data: bytes) -> int:
        at = data.find(b"\0\0\1\xb3")
        if at < 0:
            return 0
        before, self._sequence = self._sequence, data[at + 4 : at + 7]
        return Look.UNSURE if before not in (b"", self._sequence) else 0


class Mpeg4(Parser):
    """ISO/IEC 14496-2 6.2.5. Two VOPs in one packet are the "packed bitstream" of some AVI writers."""

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        types = [data[at + 4] >> 6 for at in _all(data, b"\0\0\1\xb6") if at + 4 < len(data)]
        if len(types) > 1:
            return Look.UNSURE
        return Look.DISPOSABLE if types == [2] else 0


class Vp8(Parser):
    """RFC 6386 9.1: one bit says whether the frame is shown."""

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        return 0 if data[0] & 0x10 else Look.HIDDEN


class Vp9(Parser):
    """VP9 bitstream specification 6.2; superframes (annex B) always show one frame."""

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        superframe = data[-1] & 0xE0 == 0xC0
        bits = f"{int.from_bytes(data[:2].ljust(2, b'0'), 'big'):016b}"
        at = 5 if bits[2:4] == "11" else 4
        existing, shown = bits[at] == "1", bits[at + 2] == "1"
        return 0 if superframe or existing or shown else Look.HIDDEN


_PARSERS: Final[dict[str, type[Parser]]] = {
    "h264": H264,
    "hevc": Hevc,
    "av1": Av1,
    "mpeg1video": Mpeg2,
    "mpeg2video": Mpeg2,
    "mpeg4": Mpeg4,
    "vp8": Vp8,
    "vp9": Vp9,
}


def parser_for(codec: str, extradata: bytes) -> Parser:
    """The parser of a codec, by FFmpeg's name for it; one that knows nothing for codecs without."""
    return _PARSERS.get(codec, Parser)(extradata)


def nal_starts(data: bytes, length_size: int) -> Iterator[int]:
    """Where NAL units of at least two bytes start: after their lengths, or after start codes if `length_size` is 0."""
    if not length_size:
        yield from (at + 3 for at in _all(data, b"\0\0\1") if at + 4 < len(data))
        return
    at = 0
    while at + length_size + 1 < len(data):
        yield at + length_size
        at += length_size + int.from_bytes(data[at : at + length_size], "big")


def _all(data: bytes, code: bytes) -> Iterator[int]:
    at = data.find(code)
    while at >= 0:
        yield at
        at = data.find(code, at + len(code))

"""H.264 headers: reference marks, IDR, recovery points, fields (ITU-T H.264 clause 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from reelbase_plugins.video.bitstream.bit_reader import Bits, unescape
from reelbase_plugins.video.bitstream.packet_flags import Look, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_IDR: Final = 5
_SLICES: Final = (1, 2, 5)
_SEI: Final = 6
_SPS: Final = 7
_PPS: Final = 8
_RECOVERY_POINT: Final = 6
_INTRA: Final = (2, 4)  # I and SI, of slice types modulo 5
_CHROMA_PROFILES: Final = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_HEADER: Final = 64  # bytes that surely hold a slice header as far as bottom_field_flag


class Sps(NamedTuple):
    """What slice headers need of a sequence parameter set."""

    frame_num_bits: int
    planes: bool
    frames_only: bool


class Slice(NamedTuple):
    """The start of a slice header."""

    first_mb: int
    frame_num: int
    field: bool
    bottom: bool


class H264(Parser):
    """Reads all NAL headers of a packet, and slice headers where the sequence may be coded in fields."""

    def __init__(self, extradata: bytes) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, int] = {}
        self._raw: dict[int, bytes] = {}
        self._waiting: Slice | None = None
        self._length = (extradata[4] & 3) + 1 if len(extradata) > 6 and extradata[0] == 1 else 0
        for nal in _avcc_sets(extradata) if self._length else _annexb(extradata):
            self._parameters(nal)

    def look(self, data: bytes, *, key: bool) -> int:
        """See `Parser.look`."""
        found = droppable = first = 0
        recovery: int | None = None
        inter = False
        for nal in _prefix(data, self._length) if self._length else _annexb(data):
            kind = nal[0] & 31
            if kind in _SLICES:
                droppable = (droppable if first else Look.DISPOSABLE) if not nal[0] & 0x60 else 0
                found |= Look.CLOSED if kind == _IDR else 0
                found |= self._fields(nal, first=not first)
                inter = inter or (key and not first and _slice_type(nal) % 5 not in _INTRA)
                first = 1
                if not self._length and self.frames_only:
                    break  # one picture has one nal_ref_idc, and start codes are dear to search
            elif kind == _SEI and key and recovery is None:
                recovery = _recovery_frames(nal)
            elif kind in (_SPS, _PPS):
                found |= self._parameters(nal)
        return found | droppable | self._start(recovery, closed=bool(found & Look.CLOSED), inter=inter)

    @staticmethod
    def _start(recovery: int | None, *, closed: bool, inter: bool) -> int:
        """Whether a key frame is none: it takes frames to recover from it, or it refers to others (a wrong mark)."""
        wrong = inter if recovery is None else recovery > 0
        return Look.NO_START if wrong and not closed else 0

    @property
    def frames_only(self) -> bool:
        """Whether no picture is coded in fields, by the parameter sets seen so far; True if there are none."""
        return all(sps.frames_only for sps in self._sps.values())

    @property
    def known(self) -> bool:
        """Whether a sequence parameter set was seen."""
        return bool(self._sps)

    def _fields(self, nal: bytes, *, first: bool) -> int:
        """Keep track of which field waits for its second; say whether the packet starts with a second one."""
        if self.frames_only:
            return 0
        head = self._slice(nal)
        if head is None or head.first_mb:
            return 0
        waiting, self._waiting = self._waiting, head if head.field else None
        second = (
            waiting is not None and head.field and head.bottom != waiting.bottom and head.frame_num == waiting.frame_num
        )
        if second:
            self._waiting = None
        return Look.CONTINUES if second and first else 0

    def _slice(self, nal: bytes) -> Slice | None:
        bits = Bits(unescape(nal[1:_HEADER]))
        first_mb, _, pps = bits.ue(), bits.ue(), bits.ue()
        sps = self._sps.get(self._pps.get(pps, -1))
        if sps is None:
            return None
        bits.skip(2 if sps.planes else 0)
        frame_num = bits.u(sps.frame_num_bits)
        field = bool(not sps.frames_only and bits.u(1))
        return Slice(first_mb, frame_num, field, bool(field and bits.u(1)))

    def _parameters(self, nal: bytes) -> int:
        """Keep a parameter set; unsure what a decoder shows when the sequence's changes."""
        found = 0
        if nal[0] & 31 == _SPS:
            number, sps = _parse_sps(unescape(nal[1:]))
            found = Look.UNSURE if self._raw.get(number, nal) != nal else 0
            self._sps[number], self._raw[number] = sps, nal
        elif nal[0] & 31 == _PPS:
            bits = Bits(unescape(nal[1:_HEADER]))
            self._pps[bits.ue()] = bits.ue()
        return found


def _parse_sps(data: bytes) -> tuple[int, Sps]:
    """ITU-T H.264 7.3.2.1.1, as far as frame_mbs_only_flag."""
    bits = Bits(data)
    profile = bits.u(8)
    bits.skip(16)
    number = bits.ue()
    planes = _skip_chroma(bits) if profile in _CHROMA_PROFILES else False
    frame_num_bits = bits.ue() + 4
    order_type = bits.ue()
    if order_type == 0:
        bits.ue()
    elif order_type == 1:
        bits.skip(1)
        bits.se(), bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()
    bits.skip(1)
    bits.ue(), bits.ue()
    return number, Sps(frame_num_bits, planes, bool(bits.u(1)))


def _skip_chroma(bits: Bits) -> bool:
    chroma = bits.ue()
    planes = chroma == 3 and bool(bits.u(1))
    bits.ue(), bits.ue()
    bits.skip(1)
    if bits.u(1):
        for n in range(12 if chroma == 3 else 8):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if n < 6 else 64)
    return planes


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _slice_type(nal: bytes) -> int:
    bits = Bits(unescape(nal[1:_HEADER]))
    bits.ue()
    return bits.ue()


def _recovery_frames(nal: bytes) -> int | None:
    """recovery_frame_cnt of the recovery point in an SEI NAL unit (ITU-T H.264 D.1.8), if it has one."""
    data = unescape(nal[1:])
    at = 0
    while at + 2 < len(data):
        values = []
        for _ in range(2):
            value = 0
            while at < len(data) and data[at] == 0xFF:
                value, at = value + 255, at + 1
            values.append(value + (data[at] if at < len(data) else 0))
            at += 1
        if values[0] == _RECOVERY_POINT:
            return Bits(data[at : at + values[1]]).ue()
        at += values[1]
    return None


def _prefix(data: bytes, length_size: int) -> list[bytes]:
    """NAL units behind their lengths; slices cut to their headers."""
    nals, at, end = [], 0, len(data)
    while at + length_size < end:
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        slice_like = data[at] & 31 in _SLICES
        if size:
            nals.append(data[at : at + (min(size, _HEADER) if slice_like else size)])
        at += size
    return nals


def _annexb(data: bytes) -> Iterator[bytes]:
    """NAL units behind start codes (ITU-T H.264 annex B); slices cut to their headers."""
    at = data.find(b"\0\0\1")
    while at >= 0:
        start = at + 3
        if start >= len(data):
            return
        if data[start] & 31 in _SLICES:
            yield data[start : start + _HEADER]
            at = data.find(b"\0\0\1", start)
        else:
            at = data.find(b"\0\0\1", start)
            yield data[start : at if at >= 0 else len(data)]


def _avcc_sets(extradata: bytes) -> list[bytes]:
    """Parameter sets in an avcC record (ISO/IEC 14496-15 5.3.3.1)."""
    sets, at = [], 5
    for mask in (31, 255):
        if at >= len(extradata):
            break
        count = extradata[at] & mask
        at += 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            if size and at + 2 < len(extradata):
                sets.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return sets

"""H.264 headers: references, IDR pictures, recovery points and fields (ITU-T H.264 clause 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from reelbase_plugins.video.bitstream.bit_reader import BitReader, unescape
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

# Types of NAL units (table 7-1).
_NAL_IDR: Final = 5
_NAL_SLICES: Final = (1, 2, 5)
_NAL_SEI: Final = 6
_NAL_SPS: Final = 7
_NAL_PPS: Final = 8
_SEI_RECOVERY_POINT: Final = 6
_INTRA_SLICE_TYPES: Final = (2, 4)  # I and SI, of slice types modulo 5
#: Profiles whose sequence parameter sets state a chroma format (7.3.2.1.1).
_CHROMA_PROFILES: Final = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_SLICE_HEADER_BYTES: Final = 64  # enough for a slice header up to bottom_field_flag, which is all that is read


class Sps(NamedTuple):
    """The fields of a sequence parameter set that are needed to read slice headers.

    Attributes:
        frame_num_bits: Number of bits of frame_num.
        planes: The colour planes are coded separately.
        frames_only: No picture is coded in fields (frame_mbs_only_flag).
    """

    frame_num_bits: int
    planes: bool
    frames_only: bool


class Slice(NamedTuple):
    """The first fields of a slice header.

    Attributes:
        first_mb: Number of the first macroblock; 0 in the first slice of a picture.
        frame_num: Number that both fields of a frame share.
        field: The slice belongs to a field, not to a frame.
        bottom: That field is the bottom one.
    """

    first_mb: int
    frame_num: int
    field: bool
    bottom: bool


class H264(Parser):
    """Reads the NAL headers of a packet, and its slice headers if the sequence may be coded in fields."""

    def __init__(self, extradata: bytes) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, int] = {}
        self._first_field: Slice | None = None  # of a frame whose second field has not come yet
        self._length_bytes = (extradata[4] & 3) + 1 if len(extradata) > 6 and extradata[0] == 1 else 0  # 0: start codes
        for nal in _list_parameter_sets(extradata) if self._length_bytes else _iter_annexb(extradata):
            self._read_parameter_set(nal)

    def parse(self, data: bytes, *, key: bool) -> int:
        """See `Parser.parse`."""
        flags = disposable = has_slice = 0
        recovery: int | None = None
        inter = False
        for nal in _split_by_lengths(data, self._length_bytes) if self._length_bytes else _iter_annexb(data):
            kind = nal[0] & 31
            if kind in _NAL_SLICES:
                # with nal_ref_idc 0 nothing refers to the slice; all slices of a disposable packet have it
                disposable = (disposable if has_slice else PacketFlags.DISPOSABLE) if not nal[0] & 0x60 else 0
                flags |= PacketFlags.CLOSED if kind == _NAL_IDR else 0
                flags |= self._track_fields(nal, first=not has_slice)
                inter = inter or (key and not has_slice and _read_slice_type(nal) % 5 not in _INTRA_SLICE_TYPES)
                has_slice = 1
                if not self._length_bytes and self.frames_only:
                    break  # all slices of a picture have the same nal_ref_idc, and searching for start codes is slow
            elif kind == _NAL_SEI and key and recovery is None:
                recovery = _read_recovery_frames(nal)
            elif kind in (_NAL_SPS, _NAL_PPS):
                self._read_parameter_set(nal)
        return flags | disposable | self._check_start(recovery, closed=bool(flags & PacketFlags.CLOSED), inter=inter)

    @staticmethod
    def _check_start(recovery: int | None, *, closed: bool, inter: bool) -> int:
        """Return NO_START if decoding cannot start at a key frame.

        Either its recovery point says that further frames are needed until pictures are right (intra refresh), or
        it has no recovery point and refers to other pictures: the container marked it wrongly.
        """
        wrong = inter if recovery is None else recovery > 0
        return PacketFlags.NO_START if wrong and not closed else 0

    @property
    def frames_only(self) -> bool:
        """True if no parameter set seen so far allows fields; also if none was seen."""
        return all(sps.frames_only for sps in self._sps.values())

    @property
    def has_sps(self) -> bool:
        """True if a sequence parameter set was seen."""
        return bool(self._sps)

    def _track_fields(self, nal: bytes, *, first: bool) -> int:
        """Return CONTINUES if the packet starts with the second field of a frame; remember first fields."""
        if self.frames_only:
            return 0
        header = self._read_slice_header(nal)
        if header is None or header.first_mb:
            return 0
        first_field, self._first_field = self._first_field, header if header.field else None
        is_second = (
            first_field is not None
            and header.field
            and header.bottom != first_field.bottom
            and header.frame_num == first_field.frame_num
        )
        if is_second:
            self._first_field = None
        return PacketFlags.CONTINUES if is_second and first else 0

    def _read_slice_header(self, nal: bytes) -> Slice | None:
        bits = BitReader(unescape(nal[1:_SLICE_HEADER_BYTES]))
        first_mb, _, pps = bits.ue(), bits.ue(), bits.ue()
        sps = self._sps.get(self._pps.get(pps, -1))
        if sps is None:
            return None
        bits.skip(2 if sps.planes else 0)
        frame_num = bits.u(sps.frame_num_bits)
        field = bool(not sps.frames_only and bits.u(1))
        return Slice(first_mb, frame_num, field, bool(field and bits.u(1)))

    def _read_parameter_set(self, nal: bytes) -> None:
        if nal[0] & 31 == _NAL_SPS:
            number, sps = _parse_sps(unescape(nal[1:]))
            self._sps[number] = sps
        elif nal[0] & 31 == _NAL_PPS:
            bits = BitReader(unescape(nal[1:_SLICE_HEADER_BYTES]))
            self._pps[bits.ue()] = bits.ue()


def _parse_sps(data: bytes) -> tuple[int, Sps]:
    """Read number and fields of a sequence parameter set, up to frame_mbs_only_flag (ITU-T H.264 7.3.2.1.1)."""
    bits = BitReader(data)
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


def _skip_chroma(bits: BitReader) -> bool:
    """Skip the chroma format and the scaling lists; return True if colour planes are coded separately."""
    chroma = bits.ue()
    planes = chroma == 3 and bool(bits.u(1))
    bits.ue(), bits.ue()
    bits.skip(1)
    if bits.u(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return planes


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _read_slice_type(nal: bytes) -> int:
    bits = BitReader(unescape(nal[1:_SLICE_HEADER_BYTES]))
    bits.ue()
    return bits.ue()


def _read_recovery_frames(nal: bytes) -> int | None:
    """Read recovery_frame_cnt of the recovery point in an SEI NAL unit (ITU-T H.264 D.1.8); None if it has none."""
    data = unescape(nal[1:])
    at = 0
    while at + 2 < len(data):
        values = []  # payload type and payload size, each coded as a sum of bytes
        for _ in range(2):
            value = 0
            while at < len(data) and data[at] == 0xFF:
                value, at = value + 255, at + 1
            values.append(value + (data[at] if at < len(data) else 0))
            at += 1
        if values[0] == _SEI_RECOVERY_POINT:
            return BitReader(data[at : at + values[1]]).ue()
        at += values[1]
    return None


def _split_by_lengths(data: bytes, length_bytes: int) -> list[bytes]:
    """Split a packet into NAL units that are stored after their lengths; slices are cut to their headers."""
    nals, at, end = [], 0, len(data)
    while at + length_bytes < end:
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        is_slice = data[at] & 31 in _NAL_SLICES
        if size:
            nals.append(data[at : at + (min(size, _SLICE_HEADER_BYTES) if is_slice else size)])
        at += size
    return nals


def _iter_annexb(data: bytes) -> Iterator[bytes]:
    """Yield NAL units that are stored after start codes (ITU-T H.264 annex B); slices are cut to their headers."""
    at = data.find(b"\0\0\1")
    while at >= 0:
        start = at + 3
        if start >= len(data):
            return
        if data[start] & 31 in _NAL_SLICES:
            yield data[start : start + _SLICE_HEADER_BYTES]
            at = data.find(b"\0\0\1", start)
        else:
            at = data.find(b"\0\0\1", start)
            yield data[start : at if at >= 0 else len(data)]


def _list_parameter_sets(extradata: bytes) -> list[bytes]:
    """List the parameter sets of an avcC record (ISO/IEC 14496-15 5.3.3.1)."""
    sets, at = [], 5
    for mask in (31, 255):  # counts of sequence and of picture parameter sets
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

"""Recognition of formats that start with no fixed bytes, or with bytes that several formats share.

Each function gets the first bytes of a file, at most 4096, and says whether they are of one format.
"""

from __future__ import annotations

from typing import Final

from reelbase_plugins.video.bitstream.parsers import find_nal_units

_H264_SPS, _H264_PPS = 7, 8
_H264_FIRST_TYPES: Final = (6, 7, 9)  # SEI, sequence parameter set, access unit delimiter (ITU-T H.264, 7.4.1.2.3)
_H264_TYPES: Final = frozenset(range(1, 16)) | {19, 20, 21}  # table 7-1
_HEVC_VPS, _HEVC_SPS = 32, 33
_HEVC_FIRST_TYPES: Final = (32, 33, 35, 39)  # parameter sets, access unit delimiter, SEI (ITU-T H.265, 7.4.2.4.4)
_MPEG4_VISUAL_CODES: Final = (0xB0, 0xB5)  # visual object sequence, visual object (ISO/IEC 14496-2, table 6-3)
_MPEG4_PICTURE_CODES: Final = frozenset({0xB3, 0xB6})  # group of pictures, picture
_SYNC: Final = b"\x47"
_TS_PACKET_BYTES: Final = (188, 192, 204)  # bare; with a time code; with error correction (ISO/IEC 13818-1, DVB)
_MIN_TS_PACKETS: Final = 5  # of one that starts within a packet; 0x47 is the letter G, as often in a file of genes
_MIN_WHOLE_TS_PACKETS: Final = 3
_OBU_SEQUENCE_HEADER: Final = 1


def is_h264(head: bytes) -> bool:
    """Return True for a H.264 byte stream (ITU-T H.264 annex B) with its parameter sets at the start."""
    headers = _read_nal_headers(head)
    types = [header & 31 for header, _ in headers]
    if not types or types[0] not in _H264_FIRST_TYPES or not {_H264_SPS, _H264_PPS} <= set(types):
        return False
    return all(header < 128 and header & 31 in _H264_TYPES for header, _ in headers)


def is_hevc(head: bytes) -> bool:
    """Return True for an HEVC byte stream (ITU-T H.265 annex B) with its parameter sets at the start."""
    headers = _read_nal_headers(head)
    types = [header >> 1 for header, _ in headers]
    if not types or types[0] not in _HEVC_FIRST_TYPES or not {_HEVC_VPS, _HEVC_SPS} <= set(types):
        return False
    return all(header < 128 and second & 7 for header, second in headers)


def is_mpeg4(head: bytes) -> bool:
    """Return True for an MPEG-4 part 2 byte stream (ISO/IEC 14496-2, 6.2): a video object layer, then a picture."""
    codes = [head[at] for at in find_nal_units(head, 0)]
    layers = [number for number, code in enumerate(codes) if 0x20 <= code < 0x30]
    return (
        bool(layers) and (codes[0] in (0xB0, 0xB5) or codes[0] < 0x30) and bool({0xB3, 0xB6} & set(codes[layers[0] :]))
    )


def is_av1(head: bytes) -> bool:
    """Return True for an AV1 stream of OBUs with sizes (section 5 of the specification), a sequence header second."""
    if len(head) < 4 or head[:2] != b"\x12\0":  # an empty temporal delimiter
        return False
    kind, has_size, is_clear = head[2] >> 3 & 15, head[2] & 2, not head[2] & 0x81
    return kind == _OBU_SEQUENCE_HEADER and bool(has_size) and is_clear


def is_transport_stream(head: bytes) -> bool:
    """Return True for a transport stream, also one that begins in the middle of a packet."""
    return find_transport_packets(head) is not None


def find_transport_packets(head: bytes) -> tuple[int, int] | None:
    """Return where the first whole transport packet starts, and how far it is to the next; None if there are none."""
    for step in _TS_PACKET_BYTES:
        first = 4 if step == 192 else 0  # the time code comes before the packet
        if all(head[at : at + 1] == _SYNC for at in range(first, _MIN_WHOLE_TS_PACKETS * step, step)):
            return first, step
        for start in range(min(step, len(head) - (_MIN_TS_PACKETS - 1) * step)):
            if all(head[at : at + 1] == _SYNC for at in range(start, len(head), step)):
                return start, step
    return None


def is_animated_png(head: bytes) -> bool:
    """Return True for a PNG of several pictures: its chunk acTL, before the first picture data, says how many.

    The image plugin has the same rule for PNG: plugins do not import each other.
    """
    at = 8
    while at + 12 <= len(head):
        size, kind = int.from_bytes(head[at : at + 4]), head[at + 4 : at + 8]
        if kind == b"acTL":
            return int.from_bytes(head[at + 8 : at + 12]) > 1
        if kind == b"IDAT":
            return False
        at += 12 + size
    return False


def _read_nal_headers(head: bytes) -> list[tuple[int, int]]:
    """Return the two header bytes of each NAL unit."""
    return [(head[at], head[at + 1]) for at in find_nal_units(head, 0)]

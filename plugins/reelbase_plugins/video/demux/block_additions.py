"""Where alpha is that WebM and Matroska keep beside the packets of VP8 and VP9.

It is in "block additions" (RFC 9559, BlockAdditions): elements in the same block group, after the block that holds the
packet. So the position of a packet leads to that of its alpha, and the frame index needs no further column.
"""

from __future__ import annotations

from typing import Final

#: Bytes after a packet in which its alpha begins: the headers of the elements around it, and smaller elements.
HEAD_BYTES: Final = 96
_BLOCK_ADDITIONS: Final = 0x75A1
_BLOCK_MORE: Final = 0xA6
_BLOCK_ADD_ID: Final = 0xEE
_BLOCK_ADDITIONAL: Final = 0xA5
#: Elements of a block group that may come before the additions: duration, references, codec state, padding, void, CRC.
_PASSED_OVER: Final = (0x9B, 0xFA, 0xFB, 0xFD, 0xA4, 0x75A2, 0x8E, 0xEC, 0xBF)
ALPHA_ID: Final = 1  #: of BlockAddID, for VP8 and VP9


def find_alpha(head: bytes) -> tuple[int, int] | None:
    """Find the alpha of a packet in the bytes after it.

    Args:
        head: The bytes after the packet, `HEAD_BYTES` of them or fewer at the end of a file.

    Returns:
        Start and stop of the alpha, from the end of the packet; None if it has none.
    """
    at = 0
    while at < len(head):
        kind, size, at = _read_element(head, at)
        if kind in (_BLOCK_ADDITIONS, _BLOCK_MORE):
            continue  # what it holds comes next
        if kind == _BLOCK_ADDITIONAL:
            return at, at + size
        if kind == _BLOCK_ADD_ID:
            if int.from_bytes(head[at : at + size]) != ALPHA_ID:
                return None
        elif kind not in _PASSED_OVER:
            return None
        at += size
    return None


def _read_element(data: bytes, at: int) -> tuple[int, int, int]:
    """Return identifier and size of an element, and the position of what it holds (RFC 8794 4 and 5)."""
    id_bytes = _count_bytes(data, at)
    kind = int.from_bytes(data[at : at + id_bytes])
    at += id_bytes
    size_bytes = _count_bytes(data, at)
    size = int.from_bytes(data[at : at + size_bytes]) & ((1 << 7 * size_bytes) - 1)
    return kind, size, at + size_bytes


def _count_bytes(data: bytes, at: int) -> int:
    first = data[at] if at < len(data) else 0
    return 9 - first.bit_length()

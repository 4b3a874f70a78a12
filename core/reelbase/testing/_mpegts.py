"""Changes to the bytes of MPEG transport streams (ISO/IEC 13818-1): times and joins that no muxer writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BYTES_PER_PACKET = 188
_VIDEO_PID = 0x100  # libavformat uses this for the first stream


def change_pts(path: Path, change: Callable[[int, int], int | None]) -> None:
    """Change the presentation times of pictures. The file must not have B-frames, as decode times are not changed.

    Args:
        path: Path of the file, which is changed in place.
        change: Function that is passed the number of a picture and its pts, and returns the new pts or None.
    """
    data = bytearray(path.read_bytes())
    for number, position in enumerate(_find_pes_headers(data)):
        field = data[position + 9 : position + 14]
        new = change(number, _read_pts(field))
        if new is None:
            data[position + 7] &= 0x3F  # PTS_DTS_flags: none; the old time is replaced with stuffing
            data[position + 9 : position + 9 + data[position + 8]] = b"\xff" * data[position + 8]
        else:
            data[position + 9 : position + 14] = _write_pts(field, new)
    path.write_bytes(data)


def join(parts: list[bytes]) -> bytes:
    """Concatenate streams with continuous continuity counters (2.4.3.3)."""
    data = bytearray(b"".join(parts))
    counters: dict[int, int] = {}
    for position in range(0, len(data), _BYTES_PER_PACKET):
        pid = int.from_bytes(data[position + 1 : position + 3], "big") & 0x1FFF
        has_payload = data[position + 3] >> 4 & 1
        counters[pid] = (counters.get(pid, -1) + has_payload) & 0xF
        data[position + 3] = data[position + 3] & 0xF0 | counters[pid]
    return bytes(data)


def with_error_correction(data: bytes) -> bytes:
    """Return the stream in transport packets of 204 bytes: some receivers record 16 bytes of parity after each."""
    packets = range(0, len(data), _BYTES_PER_PACKET)
    return b"".join(data[start : start + _BYTES_PER_PACKET] + bytes(16) for start in packets)


def _find_pes_headers(data: bytearray) -> Iterator[int]:
    """Yield the positions of the PES packets of the video (2.4.3.6)."""
    for position in range(0, len(data), _BYTES_PER_PACKET):
        word = int.from_bytes(data[position + 1 : position + 3], "big")
        if word & 0x4000 and word & 0x1FFF == _VIDEO_PID:
            adaptation = 1 + data[position + 4] if data[position + 3] & 0x20 else 0
            yield position + 4 + adaptation


def _read_pts(field: bytes | bytearray) -> int:
    return (field[0] >> 1 & 7) << 30 | field[1] << 22 | (field[2] >> 1) << 15 | field[3] << 7 | field[4] >> 1


def _write_pts(field: bytes | bytearray, pts: int) -> bytes:
    head = field[0] & 0xF0 | (pts >> 30 & 7) << 1 | 1
    return bytes([head, pts >> 22 & 0xFF, (pts >> 14 & 0xFE) | 1, pts >> 7 & 0xFF, (pts << 1 & 0xFE) | 1])

"""Changes to MPEG transport streams, byte by byte (ISO/IEC 13818-1): times and joins that no muxer writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PACKET = 188
_VIDEO = 0x100  # the PID that libavformat gives to the first stream


def change_pts(path: Path, change: Callable[[int, int], int | None]) -> None:
    """Change the presentation time of pictures in a file that has no B-frames (their decode time goes with it).

    Args:
        path: The file, changed in place.
        change: Called with the number of the picture in the file and its pts; gives the new one, or None for none.
    """
    data = bytearray(path.read_bytes())
    for number, at in enumerate(_pes_headers(data)):
        field = data[at + 9 : at + 14]
        new = change(number, _read_pts(field))
        if new is None:
            data[at + 7] &= 0x3F  # PTS_DTS_flags: none; what stood there becomes stuffing
            data[at + 9 : at + 9 + data[at + 8]] = b"\xff" * data[at + 8]
        else:
            data[at + 9 : at + 14] = _write_pts(field, new)
    path.write_bytes(data)


def join(parts: list[bytes]) -> bytes:
    """Streams one after another, with continuity counters that run on (2.4.3.3)."""
    data = bytearray(b"".join(parts))
    counters: dict[int, int] = {}
    for at in range(0, len(data), _PACKET):
        pid = int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF
        has_payload = data[at + 3] >> 4 & 1
        counters[pid] = (counters.get(pid, -1) + has_payload) & 0xF
        data[at + 3] = data[at + 3] & 0xF0 | counters[pid]
    return bytes(data)


def with_error_correction(data: bytes) -> bytes:
    """The stream in transport packets of 204 bytes: receivers record 16 bytes of parity after each."""
    return b"".join(data[at : at + _PACKET] + bytes(16) for at in range(0, len(data), _PACKET))


def _pes_headers(data: bytearray) -> Iterator[int]:
    """Where the PES packets of the video start (2.4.3.6)."""
    for at in range(0, len(data), _PACKET):
        word = int.from_bytes(data[at + 1 : at + 3], "big")
        if word & 0x4000 and word & 0x1FFF == _VIDEO:
            adaptation = 1 + data[at + 4] if data[at + 3] & 0x20 else 0
            yield at + 4 + adaptation


def _read_pts(field: bytes | bytearray) -> int:
    return (field[0] >> 1 & 7) << 30 | field[1] << 22 | (field[2] >> 1) << 15 | field[3] << 7 | field[4] >> 1


def _write_pts(field: bytes | bytearray, pts: int) -> bytes:
    head = field[0] & 0xF0 | (pts >> 30 & 7) << 1 | 1
    return bytes([head, pts >> 22 & 0xFF, (pts >> 14 & 0xFE) | 1, pts >> 7 & 0xFF, (pts << 1 & 0xFE) | 1])

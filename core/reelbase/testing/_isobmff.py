"""Edit lists of mp4 files: which part of the media is shown (ISO/IEC 14496-12, 8.6.6)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PARENTS = (b"moov", b"trak", b"edts")


def read_edits(path: Path) -> list[tuple[int, int]]:
    """``(duration, media time)`` of each edit of the first track, in ticks of the movie and of the media."""
    data = path.read_bytes()
    start, stop = _edit_list(data)[-1]
    count = int.from_bytes(data[start + 12 : start + 16], "big")
    return [struct.unpack_from(">Ii", data, start + 16 + 12 * at) for at in range(count) if start < stop]


def write_edits(path: Path, edits: list[tuple[int, int]]) -> None:
    """Replace the edit list of the first track; the movie box must come after the media, as muxers leave it.

    Args:
        path: The file, changed in place.
        edits: As `read_edits` returns them; media time -1 shows nothing for a while.
    """
    data = path.read_bytes()
    boxes = _edit_list(data)
    start, stop = boxes[-1]
    if data.find(b"mdat") > boxes[0][0]:
        raise UsageError(f"Cannot move the media of {path.name}.", "Write it without faststart.")
    entries = b"".join(struct.pack(">IiI", duration, media_time, 1 << 16) for duration, media_time in edits)
    payload = b"elst" + bytes(4) + struct.pack(">I", len(edits)) + entries
    grown = len(payload) + 4 - (stop - start)
    out = bytearray(data[:start] + struct.pack(">I", len(payload) + 4) + payload + data[stop:])
    for at, end in boxes[:-1]:
        out[at : at + 4] = struct.pack(">I", end - at + grown)
    path.write_bytes(out)


def _edit_list(data: bytes) -> list[tuple[int, int]]:
    """Where the boxes that lead to the first track's edit list start and stop, outermost first."""
    found = []
    start, stop = 0, len(data)
    for kind in (*_PARENTS, b"elst"):
        start, stop = next((a, b) for a, b, name in _boxes(data, start, stop) if name == kind)
        found.append((start, stop))
        start += 8
    return found


def _boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int, bytes]]:
    while start + 8 <= stop:
        size = int.from_bytes(data[start : start + 4], "big")
        yield start, start + size, data[start + 4 : start + 8]
        start += size

"""Reading and writing of edit lists of mp4 files, which select the part of the media that is shown.

See ISO/IEC 14496-12, 8.6.6.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PARENTS = (b"moov", b"trak", b"edts")


def read_edits(path: Path) -> list[tuple[int, int]]:
    """Read the edits of the first track: ``(duration, media time)`` in ticks of the movie and of the media."""
    data = path.read_bytes()
    start, stop = _find_edit_list(data)[-1]
    count = int.from_bytes(data[start + 12 : start + 16], "big")
    return [struct.unpack_from(">Ii", data, start + 16 + 12 * number) for number in range(count) if start < stop]


def write_edits(path: Path, edits: list[tuple[int, int]]) -> None:
    """Replace the edit list of the first track.

    Args:
        path: Path of the file, which is changed in place. Its movie box must come after the media.
        edits: Edits in the format of `read_edits`. A media time of -1 shows nothing for the duration.
    """
    data = path.read_bytes()
    boxes = _find_edit_list(data)
    start, stop = boxes[-1]
    if data.find(b"mdat") > boxes[0][0]:  # the new list may have another size, which would move the media
        raise UsageError(f"Cannot move the media of {path.name}.", "Write it without faststart.")
    entries = b"".join(struct.pack(">IiI", duration, media_time, 1 << 16) for duration, media_time in edits)
    payload = b"elst" + bytes(4) + struct.pack(">I", len(edits)) + entries
    grown = len(payload) + 4 - (stop - start)
    out = bytearray(data[:start] + struct.pack(">I", len(payload) + 4) + payload + data[stop:])
    for begin, end in boxes[:-1]:  # the sizes of the boxes that contain the list
        out[begin : begin + 4] = struct.pack(">I", end - begin + grown)
    path.write_bytes(out)


def _find_edit_list(data: bytes) -> list[tuple[int, int]]:
    """Return start and end of the boxes on the path to the first track's edit list, outermost first."""
    found = []
    start, stop = 0, len(data)
    for kind in (*_PARENTS, b"elst"):
        start, stop = next((a, b) for a, b, name in _iterate_boxes(data, start, stop) if name == kind)
        found.append((start, stop))
        start += 8
    return found


def _iterate_boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int, bytes]]:
    while start + 8 <= stop:
        size = int.from_bytes(data[start : start + 4], "big")
        yield start, start + size, data[start + 4 : start + 8]
        start += size

"""The boxes of mp4, mov and HEIF files (ISO/IEC 14496-12, 4.2), read where libav does not say what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase_plugins.video.demux.safe_open import Reader

_SAMPLE_TABLE_PATH: Final = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_MEDIA_BOXES: Final = (b"mdat", b"moov")  # cut off, the one has whole frames in it, and the other has none


@dataclass(frozen=True)
class BoxSpan:
    """One box.

    Attributes:
        kind: Its four-character code.
        start: Position of its header, in bytes.
        body: Position after its header, in bytes.
        stop: Position after its last byte, as its header states it; past the end of a file that was cut off.
    """

    kind: bytes
    start: int
    body: int
    stop: int


def iter_boxes(reader: Reader, start: int, stop: int) -> Iterator[BoxSpan]:
    """Yield the boxes between two positions, until something is not a box."""
    while start + 8 <= stop:
        head = reader.read_span(start, min(start + 16, stop))
        size, body = int.from_bytes(head[:4]), start + 8
        if size == 1:  # a size of 64 bits follows
            size, body = int.from_bytes(head[8:16]), start + 16
        if size == 0:  # the box extends to the end
            size = stop - start
        if size < body - start:
            return
        yield BoxSpan(head[4:8], start, body, start + size)
        start += size


def find_cut_header(reader: Reader) -> int | None:
    """Return where the last box starts if the file ends within it and it is headers (``moof``), not media."""
    size = reader.size
    last = next((box for box in iter_boxes(reader, 0, size) if box.stop > size), None)
    return last.start if last is not None and last.start and last.kind not in _MEDIA_BOXES else None


def list_sample_formats(reader: Reader) -> list[bytes]:
    """Return the codes of the sample entries of all tracks, such as ``avc1``, or ``encv`` for encrypted video."""
    parents = [box for box in _list_up_to_movie(reader) if box.kind == b"moov"]
    for kind in _SAMPLE_TABLE_PATH:
        parents = [inner for box in parents for inner in iter_boxes(reader, box.body, box.stop) if inner.kind == kind]
    entries_at = 8  # after version, flags and the number of entries
    return [entry.kind for box in parents for entry in iter_boxes(reader, box.body + entries_at, box.stop)]


def is_still_picture(reader: Reader) -> bool:
    """Return True for HEIF without a track (ISO/IEC 23008-12): its pictures are items of ``meta``."""
    kinds = {box.kind for box in _list_up_to_movie(reader)}
    return b"meta" in kinds and b"moov" not in kinds


def _list_up_to_movie(reader: Reader) -> list[BoxSpan]:
    """Return the boxes of the file up to ``moov``: thousands of fragments may follow, each a request to far storage."""
    boxes = []
    for box in iter_boxes(reader, 0, reader.size):
        boxes.append(box)
        if box.kind in (b"moov", b"moof"):
            break
    return boxes

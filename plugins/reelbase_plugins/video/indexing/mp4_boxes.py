"""Reading of an mp4 or mov file without its media data: only headers are fetched, and the rest is read as zeros."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.demux.safe_open import Reader

if TYPE_CHECKING:
    from reelbase.plugin import Blob

_FIRST_READ_BYTES: Final = 1 << 16  # most files have their first headers in these, or all of them
_BOX_READ_BYTES: Final = 1 << 12  # at a later box; the headers of a fragment fit into it
_MEDIA_READ_BYTES: Final = 1 << 16  # of media data, which are read in order
MAX_READ_AHEAD_BYTES: Final = 8 << 20
_MAX_BYTES_KEPT: Final = 64 << 20


@dataclass(frozen=True)
class Box:
    """A box at the top level of the file (ISO/IEC 14496-12, 4.2).

    Attributes:
        start: Position of its header, in bytes.
        body: Position after its header, in bytes.
        stop: Position of the next box, in bytes.
        media: True if it holds media data, and no headers of the format.
    """

    start: int
    body: int
    stop: int
    media: bool


class BoxReader(Reader):
    """A `Reader` for files of boxes that makes few and small requests.

    Attributes:
        blank: If True, media data are read as zeros and not fetched.
    """

    blank = False

    def __init__(self, blob: Blob) -> None:
        super().__init__(blob)
        self._boxes: list[Box] = []
        self._starts: list[int] = []
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        self._piece_starts: list[int] = []
        self._bytes_kept = 0

    def cut_at(self, stop: int) -> None:
        """See `Reader.cut_at`."""
        super().cut_at(stop)
        self._boxes, self._starts = [], []
        self._pieces.clear()
        self._piece_starts, self._bytes_kept = [], 0

    def read_span(self, start: int, stop: int) -> bytes:
        """Read the bytes ``start:stop``, clipped to the file, out of the pieces that are kept where they are."""
        stop, data = min(stop, self._blob.size), b""
        while start + len(data) < stop:
            data += self._read_bytes(start + len(data), stop, _BOX_READ_BYTES)
        return data

    def _read_some(self, size: int) -> bytes:
        box = self._find_box(self._at)
        if not box.media:
            return self._read_bytes(self._at, min(self._at + size, box.stop), box.stop - self._at)
        if self._at < box.body:
            return self._read_bytes(self._at, min(self._at + size, box.body), _BOX_READ_BYTES)
        stop = min(self._at + size, box.stop)
        return bytes(stop - self._at) if self.blank else self._read_bytes(self._at, stop, _MEDIA_READ_BYTES)

    def _find_box(self, pos: int) -> Box:
        """Find the box that `pos` is in, by reading header after header: each states the size of its box."""
        while not self._boxes or self._boxes[-1].stop <= pos:
            self._boxes.append(self._read_box(self._boxes[-1].stop if self._boxes else 0))
            self._starts.append(self._boxes[-1].start)
        return self._boxes[bisect_right(self._starts, pos) - 1]

    def _read_box(self, start: int) -> Box:
        """Read the header of the box at `start`."""
        end = self._blob.size
        head = self._read_bytes(start, min(start + 16, end), _BOX_READ_BYTES if start else _FIRST_READ_BYTES)
        if len(head) < min(16, end - start):  # the piece that was read before ends within it
            head += self._read_bytes(start + len(head), min(start + 16, end), _BOX_READ_BYTES)
        size, kind, body = int.from_bytes(head[:4]), head[4:8], start + 8
        if size == 1:  # a size of 64 bits follows
            size, body = int.from_bytes(head[8:16]), start + 16
        if size == 0:  # the box extends to the end of the file
            size = end - start
        if size < body - start or body > end:  # not a box; libav gets the bytes as they are
            return Box(start, start, end, media=False)
        return Box(start, body, min(start + size, end), media=kind == b"mdat")

    def _read_bytes(self, start: int, stop: int, ahead: int) -> bytes:
        """Return bytes from `start` up to `stop`, or fewer if the piece that is kept ends before.

        Bytes that are not kept are fetched, at least `ahead` of them.
        """
        number = bisect_right(self._piece_starts, start) - 1
        if number >= 0:
            piece_start = self._piece_starts[number]
            data = self._pieces[piece_start][start - piece_start : stop - piece_start]
            if data:
                return data
        end = min(start + min(max(ahead, stop - start), MAX_READ_AHEAD_BYTES), self._blob.size)
        self._keep(start, self._blob.read(start, end))
        return self._pieces[start][: stop - start]

    def _keep(self, start: int, data: bytes) -> None:
        """Keep a piece of the file, and drop the oldest pieces over the limit."""
        self._bytes_kept += len(data) - len(self._pieces.pop(start, b""))
        self._pieces[start] = data
        while self._bytes_kept > _MAX_BYTES_KEPT and len(self._pieces) > 1:
            self._bytes_kept -= len(self._pieces.popitem(last=False)[1])
        self._piece_starts = sorted(self._pieces)

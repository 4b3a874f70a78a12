"""Reading an mp4 or mov file without its media data: only headers are fetched, and zeros stand for the rest."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.demux.safe_open import Reader

if TYPE_CHECKING:
    from reelbase.plugin import Blob

_HEAD: Final = 1 << 16  # of the file: in most of them the first headers, or all of them
_LOOK: Final = 1 << 12  # at a box further on: a fragment's headers fit in
_MEDIA: Final = 1 << 16  # of media data, read in order
MAX_READ_AHEAD_BYTES: Final = 8 << 20
_HELD: Final = 64 << 20


@dataclass(frozen=True)
class Box:
    """A box of the file's top level (ISO/IEC 14496-12, 4.2).

    Attributes:
        start: Where its header begins.
        body: Where that ends.
        stop: Where the next box begins.
        media: It holds media data: no header of the format is in it.
    """

    start: int
    body: int
    stop: int
    media: bool


class BoxReader(Reader):
    """As `Reader`, with few and small reads.

    Attributes:
        blank: Show zeros in place of media data.
    """

    blank = False

    def __init__(self, blob: Blob) -> None:
        super().__init__(blob)
        self._boxes: list[Box] = []
        self._starts: list[int] = []
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        self._firsts: list[int] = []
        self._held = 0

    def _read_some(self, size: int) -> bytes:
        box = self._box_at(self._at)
        if not box.media:
            return self._bytes(self._at, min(self._at + size, box.stop), box.stop - self._at)
        if self._at < box.body:
            return self._bytes(self._at, min(self._at + size, box.body), _LOOK)
        stop = min(self._at + size, box.stop)
        return bytes(stop - self._at) if self.blank else self._bytes(self._at, stop, _MEDIA)

    def _box_at(self, pos: int) -> Box:
        """The box that `pos` is in, found by going from box to box."""
        while not self._boxes or self._boxes[-1].stop <= pos:
            self._boxes.append(self._box(self._boxes[-1].stop if self._boxes else 0))
            self._starts.append(self._boxes[-1].start)
        return self._boxes[bisect_right(self._starts, pos) - 1]

    def _box(self, start: int) -> Box:
        end = self._blob.size
        head = self._bytes(start, min(start + 16, end), _LOOK if start else _HEAD)
        if len(head) < min(16, end - start):  # a piece ends in it
            head += self._bytes(start + len(head), min(start + 16, end), _LOOK)
        size, kind, body = int.from_bytes(head[:4]), head[4:8], start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16]), start + 16
        if size == 0:
            size = end - start
        if size < body - start or body > end:  # no box: whatever it is, it is shown as it is
            return Box(start, start, end, media=False)
        return Box(start, body, min(start + size, end), media=kind == b"mdat")

    def _bytes(self, start: int, stop: int, ahead: int) -> bytes:
        """Bytes from `start` on, up to `stop` as far as they are held; else they are fetched, `ahead` bytes in all."""
        place = bisect_right(self._firsts, start) - 1
        if place >= 0:
            first = self._firsts[place]
            found = self._pieces[first][start - first : stop - first]
            if found:
                return found
        last = min(start + min(max(ahead, stop - start), MAX_READ_AHEAD_BYTES), self._blob.size)
        self._keep(start, self._blob.read(start, last))
        return self._pieces[start][: stop - start]

    def _keep(self, start: int, data: bytes) -> None:
        """Hold a piece; the oldest go."""
        self._held += len(data) - len(self._pieces.pop(start, b""))
        self._pieces[start] = data
        while self._held > _HELD and len(self._pieces) > 1:
            self._held -= len(self._pieces.popitem(last=False)[1])
        self._firsts = sorted(self._pieces)

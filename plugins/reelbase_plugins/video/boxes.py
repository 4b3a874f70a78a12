"""Reading an mp4 or mov file without its media data: only headers are fetched, and zeros stand for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase_plugins.video.opening import Reader

if TYPE_CHECKING:
    from reelbase.plugin import Blob

_HEAD: Final = 1 << 16  # of the file: in most of them the first headers, or all of them
_LOOK: Final = 1 << 14  # at a box further on: a fragment's headers fit in
_MEDIA: Final = 1 << 16  # of media data, read in order
_MOST: Final = 8 << 20
_PIECES: Final = 8


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
        self._pieces: list[tuple[int, bytes]] = []

    def _some(self, size: int) -> bytes:
        box = self._box_at(self._at)
        media = box.media and self._at >= box.body
        stop = min(self._at + size, box.stop if media or not box.media else box.body)
        if media and self.blank:
            return bytes(stop - self._at)
        return self._bytes(self._at, stop, _MEDIA if media else box.stop - self._at)

    def _box_at(self, pos: int) -> Box:
        """The box that `pos` lies in, found by going from box to box."""
        for box in reversed(self._boxes):
            if box.start <= pos < box.stop:
                return box
        while not self._boxes or self._boxes[-1].stop <= pos:
            self._boxes.append(self._box(self._boxes[-1].stop if self._boxes else 0))
        return self._boxes[-1]

    def _box(self, start: int) -> Box:
        end = self._blob.size
        head = self._bytes(start, min(start + 16, end), _LOOK if start else _HEAD)
        size, kind, body = int.from_bytes(head[:4]), head[4:8], start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16]), start + 16
        if size == 0:
            size = end - start
        if size < body - start or body > end:  # no box: whatever it is, it is shown as it is
            return Box(start, start, end, media=False)
        return Box(start, body, min(start + size, end), media=kind == b"mdat")

    def _bytes(self, start: int, stop: int, ahead: int) -> bytes:
        """Bytes of the file; what has to be fetched is fetched with what follows, `ahead` bytes in all."""
        for first, data in reversed(self._pieces):
            if first <= start < first + len(data):
                return data[start - first : stop - first]
        last = min(start + min(max(ahead, stop - start), _MOST), self._blob.size)
        data = self._blob.read(start, last)
        self._pieces = [*self._pieces[1 - _PIECES :], (start, data)]
        return data[: stop - start]

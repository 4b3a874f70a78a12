"""How much of a video a selection takes: packets decoded, and bytes asked of the storage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.io.blob import ByteSource
    from reelbase.view import Readable


@dataclass(frozen=True, kw_only=True)
class Metered:
    """Frames, and what it took to get them.

    Attributes:
        frames: What ``view.numpy(size=…)`` gives.
        packets: Packets decoded.
        packets_of: Packets of the whole video.
        read: Bytes of the video that were read to decode them.
        read_of: Bytes of the whole video.
    """

    frames: NDArray[Any]
    packets: int
    packets_of: int
    read: int
    read_of: int


def metered(view: Readable, size: tuple[int, int] | None = None) -> Metered:
    """Read the selected frames of one video, and count.

    Raises:
        UsageError: the view is not one video.
    """
    one = view._one()
    media, selection = one.media(), one.selection
    meter = _Meter(media.packets.source)
    counted = replace(media, packets=replace(media.packets, source=meter))
    frames = counted.prepare_array(selection, one.label, size=size).finish()
    index = media.index
    request = selection.split_frames(media.scaled_shape(size))[0]
    runs = index.plan(request).runs if index else ()
    return Metered(
        frames=frames,
        packets=sum(len(run.packets) for run in runs),
        packets_of=len(index.pos) if index else 0,
        read=meter.read,
        read_of=media.packets.size,
    )


class _Meter:
    """A byte source that counts what passes through."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.read = 0

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        data = self._source.get(key, start, stop)
        self.read += len(data)
        return data

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        parts = self._source.get_ranges(key, ranges)
        self.read += sum(map(len, parts))
        return parts

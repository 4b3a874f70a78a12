"""Counting of the packets that a selection decodes, and of the bytes that it reads from the storage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reelbase.viewing.tensor_source import select_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.io.blob import ByteSource
    from reelbase.view import Readable


@dataclass(frozen=True, kw_only=True)
class ReadCost:
    """Frames, and what it took to read them.

    Attributes:
        frames: Result of ``view.numpy(size=…)``.
        packets: Number of packets that were decoded.
        packets_of: Number of packets in the whole video.
        read: Number of bytes of the video that were read.
        read_of: Size of the whole video in bytes.
    """

    frames: NDArray[Any]
    packets: int
    packets_of: int
    read: int
    read_of: int


def measure_read(view: Readable, size: tuple[int, int] | None = None) -> ReadCost:
    """Read the selected frames of one video and count what that takes.

    Raises:
        UsageError: the view is not one video.
    """
    sample = select_sample(view)
    media, selection = sample.media(), sample.selection
    # Read the same packets through a source that counts.
    meter = _CountingSource(media.packets.source)
    counted = replace(media, packets=replace(media.packets, source=meter))
    frames = counted.prepare_array(selection, sample.label, size=size).finish()
    index = media.index
    request = selection.split_frames(media.scaled_shape(size))[0]
    runs = index.plan(request).runs if index else ()
    return ReadCost(
        frames=frames,
        packets=sum(len(run.packets) for run in runs),
        packets_of=len(index.pos) if index else 0,
        read=meter.read,
        read_of=media.packets.size,
    )


class _CountingSource:
    """A byte source that counts the bytes that are read from it."""

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

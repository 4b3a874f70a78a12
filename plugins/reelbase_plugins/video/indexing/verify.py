"""Proof that an index gives the frames that a full sequential decode shows, and demotion where it does not.

Frames are compared by a checksum of their decoded planes, before any conversion.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from reelbase.plugin import Flag, FrameIndex, Trust
from reelbase_plugins.video.decoding.decoder import Decoding, Sequential, make_packets
from reelbase_plugins.video.decoding.fetch import make_piecewise_feeds
from reelbase_plugins.video.decoding.scheduling import count_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

    Ints = NDArray[np.int64]

_SEGMENTS: Final = 4
MAX_FRAMES_PER_STRETCH: Final = 64
MIN_FRAMES_PER_STRETCH: Final = 12
_SOME: Final = (1, 2, 5)  # of every seven: near and far, so that no regular pattern of B-frames hides
_PIXELS: Final = 16_000_000


@dataclass(frozen=True)
class Witness:
    """What a full sequential decode showed.

    Attributes:
        packets: int64 ``(frames,)``: the packet each frame began in; -1 where it did not say.
        sums: int64 ``(frames,)``: checksums of the frames.
        failed: packets that were refused.
        corrupt: frames that came out damaged.
        sizes: number of different frame sizes.
    """

    packets: Ints
    sums: Ints
    failed: int
    corrupt: int
    sizes: int

    @property
    def damaged(self) -> int:
        """Packets refused plus frames damaged."""
        return self.failed + self.corrupt

    def traceable(self, count: int) -> bool:
        """Whether every frame can be told by its packet, of `count`."""
        inside = bool(len(self.packets)) and self.packets.min() >= 0 and self.packets.max() < count
        return bool(inside and len(np.unique(self.packets)) == len(self.packets))


def watch(frames: Sequential) -> Witness:
    """Decode everything and remember it."""
    packets, sums, sizes, corrupt = [], [], set(), 0
    for frame in frames:
        packets.append(-1 if frame.pts is None else frame.pts)
        sums.append(checksum(frame))
        sizes.add((frame.width, frame.height))
        corrupt += frame.is_corrupt
    return Witness(np.array(packets, np.int64), np.array(sums, np.int64), frames.failed, corrupt, len(sizes))


def checksum(frame: VideoFrame) -> int:
    """crc32 of a frame's planes, without the padding of their lines."""
    total = zlib.crc32(f"{frame.width}x{frame.height}{frame.format.name}".encode())
    for number, plane in enumerate(frame.planes):
        line = abs(plane.line_size)
        if not line:
            continue
        lines = np.frombuffer(cast("bytes", plane), np.uint8).reshape(-1, line)
        total = zlib.crc32(lines[:, : min(line, _line_bytes(frame, number))].tobytes(), total)
    return total


def _line_bytes(frame: VideoFrame, plane: int) -> int:
    layout = frame.format
    if len(frame.planes) == 1:
        return -(-frame.width * layout.padded_bits_per_pixel // 8)
    if layout.has_palette:
        return frame.width if plane == 0 else 1024
    return sum(part.width * ((part.bits + 7) // 8) for part in layout.components if part.plane == plane)


class Check:
    """Decodes parts of an index and compares.

    Args:
        blob: Where the packets lie.
        config: How to decode them.
        limits: Bounds on frames, and on threads.
    """

    def __init__(self, blob: Blob, config: DecoderConfig, limits: Limits) -> None:
        self._blob = blob
        self._config = config
        self._max_pixels = limits.max_pixels
        self._threads = count_threads(limits.threads)

    @property
    def longest(self) -> int:
        """Packets to decode of a segment: fewer of large frames."""
        width, height = self._config.size
        return max(MIN_FRAMES_PER_STRETCH, min(MAX_FRAMES_PER_STRETCH, _PIXELS // max(1, width * height)))

    def few(self, packets: int) -> bool:
        """Whether decoding all `packets` costs no more than a sample would."""
        return packets <= _SEGMENTS * self.longest * 3 // 2

    def sample(self, index: FrameIndex) -> bool:
        """Compare some segments with an unskipped decode from further back."""
        segments = self._segments(index, everything=False)
        return self._all(lambda segment: self._segment(index, *segment), segments)

    def settle(self, index: FrameIndex, witness: Witness, *, everything: bool, damaged: bool) -> Trust:
        """The highest trust under which it gives what the witness saw.

        Args:
            index: The index.
            witness: What a full decode showed.
            everything: PacketFlags at all segments, not at some.
            damaged: The container or the decoder said that something is missing.
        """
        segments = self._segments(index, everything=everything)
        best = Trust.NO_SKIP if damaged else Trust.FULL  # concealment borrows from what would be skipped
        sums = dict(enumerate(witness.sums.tolist()))
        for trust in range(best, Trust.CONTAINER, -1):
            if self._holds(replace(index, trust=Trust(trust)), segments, sums):
                return Trust(trust)
            segments = self._segments(index, everything=True)  # where one is wrong, others may be
        return Trust.CONTAINER

    def _holds(self, index: FrameIndex, segments: list[tuple[int, int]], sums: dict[int, int]) -> bool:
        if index.trust == Trust.WHOLE:
            every = np.arange(len(index))
            return self._same(index, every, sums)
        return self._all(lambda segment: self._requests_hold(index, *segment, sums), segments)

    def _segment(self, index: FrameIndex, start: int, stop: int) -> bool:
        numbers, sums = self._plain(index, self._further_back(index, start), start, stop)
        frames = _frames_in(index, start, stop)
        if numbers != index.display[frames].tolist():
            return False
        return self._requests_hold(index, start, stop, dict(zip(frames.tolist(), sums, strict=True)))

    def _requests_hold(self, index: FrameIndex, start: int, stop: int, sums: dict[int, int]) -> bool:
        frames = _frames_in(index, start, stop)
        leads = (index.flags[index.display[frames]] & Flag.LEADING) != 0
        requests = [frames[~leads], frames[leads]]
        if index.trust == Trust.FULL and (index.flags[start:stop] & Flag.DISPOSABLE).any():
            some = frames[~leads]
            requests.append(some[np.isin(some % 7, _SOME)])
        return all(self._same(index, request, sums) for request in requests if len(request))

    def _same(self, index: FrameIndex, request: Ints, sums: dict[int, int]) -> bool:
        got = {}
        plan = index.plan(request)
        for run, feed in zip(plan.runs, make_piecewise_feeds(self._blob, plan), strict=True):
            frame_of = dict(zip(run.wanted.tolist(), run.frames.tolist(), strict=True))
            for frame in self._frames(feed()):
                if frame.pts in frame_of:
                    got[frame_of[frame.pts]] = checksum(frame)
        return got == {n: sums.get(n) for n in request.tolist()}

    def _all(self, holds: Callable[[tuple[int, int]], bool], segments: list[tuple[int, int]]) -> bool:
        """Whether it holds for all segments, some at a time; stops early where one fails."""
        with ThreadPoolExecutor(self._threads) as pool:
            tasks = [pool.submit(holds, segment) for segment in segments]
            try:
                return all(task.result() for task in tasks)
            finally:
                pool.shutdown(cancel_futures=True)

    def _plain(self, index: FrameIndex, first: int, start: int, stop: int) -> tuple[list[int], list[int]]:
        """Numbers and checksums of the frames shown of ``start:stop``, all packets from `first` on decoded."""
        spans = [
            (p, p + s) for p, s in zip(index.pos[first:stop].tolist(), index.size[first:stop].tolist(), strict=True)
        ]
        numbers, sums = [], []
        for frame in self._frames(zip(range(first, stop), _pieces(self._blob, spans), strict=True)):
            number = frame.pts
            if number is not None and number >= start and not index.flags[number] & Flag.HIDDEN:
                numbers.append(number)
                sums.append(checksum(frame))
        return numbers, sums

    def _frames(self, packets: Iterable[tuple[int, memoryview]]) -> Iterator[VideoFrame]:
        context = self._config.open_context(max_pixels=self._max_pixels)
        return Decoding(context, self._max_pixels).frames(make_packets(self._config, packets))

    def _further_back(self, index: FrameIndex, start: int) -> int:
        """The start before; a closed start after a long stretch vouches for itself."""
        place = int(np.searchsorted(index.raps, start))
        before = int(index.raps[max(0, place - 1)])
        closed = place > 0 and not index.flags[start] & Flag.OPEN
        return start if closed and start - before > self.longest else before

    def _segments(self, index: FrameIndex, *, everything: bool) -> list[tuple[int, int]]:
        """Packet ranges to look at: from a start towards the next."""
        raps = index.raps
        ends = np.append(raps[1:], len(index.pos))
        if everything:
            return list(zip(raps.tolist(), ends.tolist(), strict=True))
        chosen = np.unique(np.linspace(0, len(raps) - 1, _SEGMENTS).round().astype(int))
        return [self._clip(index, int(raps[k]), int(ends[k])) for k in chosen]

    def _clip(self, index: FrameIndex, start: int, end: int) -> tuple[int, int]:
        """At most `longest` packets, cut where a frame ends."""
        stop = min(end, start + self.longest)
        while stop < end and index.flags[stop] & Flag.CONTINUES:
            stop += 1
        return start, stop


def _frames_in(index: FrameIndex, start: int, stop: int) -> Ints:
    return np.flatnonzero((index.display >= start) & (index.display < stop))


def _pieces(blob: Blob, spans: list[tuple[int, int]], count: int = 64) -> Iterator[memoryview]:
    for at in range(0, len(spans), count):
        yield from blob.read_ranges(spans[at : at + count])

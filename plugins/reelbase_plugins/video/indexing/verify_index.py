"""Verification that an index gives the frames that a full sequential decode shows.

A file whose index does not is read in a slower way, with a lower `Trust`. Frames are compared by a checksum of their
decoded planes, before they are converted.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from reelbase.plugin import Flag, FrameIndex, Trust
from reelbase_plugins.video.bitstream.decoder_state import make_decoder_state
from reelbase_plugins.video.decoding.decoder import Decoding, Sequential, make_packets
from reelbase_plugins.video.decoding.fetch import HeldBlob, make_piecewise_feeds
from reelbase_plugins.video.decoding.scheduling import count_threads
from reelbase_plugins.video.indexing.check_conversion import ConversionCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

    Ints = NDArray[np.int64]

_SEGMENTS_PER_SAMPLE: Final = 4
MAX_HEADER_PROOF_BYTES: Final = 16 << 20  # of a linked file, to prove the index that its headers give
_MAX_CHANGES_CHECKED: Final = 8  # of the decoder's settings
MAX_PACKETS_PER_SEGMENT: Final = 64
MIN_PACKETS_PER_SEGMENT: Final = 12
#: Frames of every seven that a request with gaps asks for. Near and far ones, so that no regular pattern of B-frames
#: goes unnoticed.
_FRAMES_OF_SEVEN: Final = (1, 2, 5)
#: Pixels of a segment in a sample, so that checking takes about as long for frames of any size.
_PIXELS_PER_SEGMENT: Final = 16_000_000


@dataclass(frozen=True)
class Witness:
    """What a full sequential decode showed.

    Attributes:
        packets: int64 ``(frames,)``: number of the packet that each frame began in; -1 if the decoder did not state it.
        sums: int64 ``(frames,)``: checksums of the frames.
        failed: number of packets that the decoder refused.
        corrupt: number of frames that the decoder marked as damaged.
        sizes: number of different frame sizes.
    """

    packets: Ints
    sums: Ints
    failed: int
    corrupt: int
    sizes: int

    @property
    def damaged(self) -> int:
        """Number of refused packets and damaged frames."""
        return self.failed + self.corrupt

    def is_traceable(self, count: int) -> bool:
        """Return True if each frame began in a packet of its own, out of `count` packets."""
        is_inside = bool(len(self.packets)) and self.packets.min() >= 0 and self.packets.max() < count
        return bool(is_inside and len(np.unique(self.packets)) == len(self.packets))


def watch(frames: Sequential, conversion: ConversionCheck | None = None) -> Witness:
    """Decode all frames, check that they can be converted, and record what came out."""
    packets, sums, sizes, corrupt = [], [], set(), 0
    for frame in frames:
        packets.append(-1 if frame.pts is None else frame.pts)
        sums.append(compute_checksum(frame))
        sizes.add((frame.width, frame.height))
        corrupt += frame.is_corrupt
        if conversion is not None:
            conversion.check(frame)
    return Witness(np.array(packets, np.int64), np.array(sums, np.int64), frames.failed, corrupt, len(sizes))


def compute_checksum(frame: VideoFrame) -> int:
    """Return the CRC-32 of a frame's planes, without the padding of their lines."""
    total = zlib.crc32(f"{frame.width}x{frame.height}{frame.format.name}".encode())
    for number, plane in enumerate(frame.planes):
        line_bytes = abs(plane.line_size)
        if not line_bytes:
            continue
        lines = np.frombuffer(cast("bytes", plane), np.uint8).reshape(-1, line_bytes)
        total = zlib.crc32(lines[:, : min(line_bytes, _count_used_bytes(frame, number))].tobytes(), total)
    return total


def _count_used_bytes(frame: VideoFrame, plane: int) -> int:
    """Return the number of bytes of a line that hold pixels."""
    layout = frame.format
    if len(frame.planes) == 1:
        return -(-frame.width * layout.padded_bits_per_pixel // 8)
    if layout.has_palette:
        return frame.width if plane == 0 else 1024
    return sum(part.width * ((part.bits + 7) // 8) for part in layout.components if part.plane == plane)


class Check:
    """Decodes parts of a video by its index, and compares the frames with those of a plain decode.

    Args:
        blob: The bytes that the packets are stored in.
        config: Decoder configuration of the video.
        limits: Limits on frame sizes, and on threads.
        filename: Name of the file in messages.
    """

    def __init__(self, blob: Blob, config: DecoderConfig, limits: Limits, filename: str = "The video") -> None:
        self._blob = blob
        self._config = config
        self._max_pixels = limits.max_pixels
        self._threads = count_threads(limits.threads)
        self._conversion = ConversionCheck(config, filename)

    @property
    def max_packets(self) -> int:
        """Maximum number of packets to decode of a segment; fewer for large frames."""
        width, height = self._config.size
        return max(MIN_PACKETS_PER_SEGMENT, min(MAX_PACKETS_PER_SEGMENT, _PIXELS_PER_SEGMENT // max(1, width * height)))

    def is_cheap(self, packets: int) -> bool:
        """Return True if decoding all `packets` takes about as long as checking a sample."""
        return packets <= _SEGMENTS_PER_SAMPLE * self.max_packets * 3 // 2

    def verify_header_index(self, index: FrameIndex) -> bool:
        """Return True if parts of the file prove an index that was made without reading any packet.

        The packets that are read must decode to the frames that the index says. They must bring no parameter sets but
        those of the headers: such a set would be in force for all packets after it, and not all are read. About
        `MAX_HEADER_PROOF_BYTES` are read at most, of the first and the last group and two between; of a small file,
        all of it.
        """
        everything = int(index.size.sum()) <= MAX_HEADER_PROOF_BYTES and self.is_cheap(len(index.size))
        segments = self._choose_segments(index, everything=everything)
        segments = [self._cut_to_bytes(index, start, stop, len(segments)) for start, stop in segments]
        needed = {int(number) for segment in segments for number in self._list_fed(index, *segment)}
        spans = [(int(index.pos[number]), int(index.pos[number] + index.size[number])) for number in needed]
        self._blob = HeldBlob.fetch(self._blob, spans)
        if not all(self._brings_no_sets(index, start, stop) for start, stop in segments):
            return False
        return self._holds_for_all(lambda segment: self._is_segment_right(index, *segment), segments)

    def _cut_to_bytes(self, index: FrameIndex, start: int, stop: int, segments: int) -> tuple[int, int]:
        """Cut a segment to its share of the bytes; it keeps at least one packet."""
        sizes = np.cumsum(index.size[start:stop])
        fitting = int(np.searchsorted(sizes, MAX_HEADER_PROOF_BYTES // segments, side="right"))
        return start, start + max(1, fitting)

    def _brings_no_sets(self, index: FrameIndex, start: int, stop: int) -> bool:
        state = make_decoder_state(self._config.codec, self._config.extradata)
        spans = [(int(index.pos[n]), int(index.pos[n] + index.size[n])) for n in range(start, stop)]
        for number, data in zip(range(start, stop), _fetch_in_batches(self._blob, spans), strict=True):
            if state.read(number, bytes(data), start=True):
                return False
        return not state.changes and not (state.x264_builds.keys() - {0})

    def verify_sample(self, index: FrameIndex) -> bool:
        """Return True if some segments give the same frames as a decode that starts further back and skips nothing."""
        segments = self._choose_segments(index, everything=False)
        return self._holds_for_all(lambda segment: self._is_segment_right(index, *segment), segments)

    def find_trust(self, index: FrameIndex, witness: Witness, *, everything: bool, damaged: bool) -> Trust:
        """Return the highest trust under which the index gives the frames that a full decode showed.

        Args:
            index: The index to verify.
            witness: What a full decode showed.
            everything: If True, check all segments; otherwise a sample of them at first.
            damaged: True if the container or the decoder found damage.
        """
        segments = self._choose_segments(index, everything=everything)
        best = Trust.NO_SKIP if damaged else Trust.FULL  # concealment uses pictures that would be skipped
        sums = dict(enumerate(witness.sums.tolist()))
        for trust in range(best, Trust.CONTAINER, -1):
            if self._is_right(replace(index, trust=Trust(trust)), segments, sums):
                return Trust(trust)
            segments = self._choose_segments(index, everything=True)  # if one segment is wrong, others may be too
        return Trust.CONTAINER

    def _is_right(self, index: FrameIndex, segments: list[tuple[int, int]], sums: dict[int, int]) -> bool:
        if index.trust == Trust.WHOLE:
            all_frames = np.arange(len(index))
            return self._gives_same(index, all_frames, sums)
        return self._holds_for_all(lambda segment: self._are_requests_right(index, *segment, sums), segments)

    def _is_segment_right(self, index: FrameIndex, start: int, stop: int) -> bool:
        numbers, sums = self._decode_plainly(index, start, stop)
        frames = _list_frames(index, start, stop)
        if numbers != index.display[frames].tolist():
            return False
        return self._are_requests_right(index, start, stop, dict(zip(frames.tolist(), sums, strict=True)))

    def _are_requests_right(self, index: FrameIndex, start: int, stop: int, sums: dict[int, int]) -> bool:
        """Check requests for a segment's frames: leading ones, all others, others with gaps if packets are skipped."""
        frames = _list_frames(index, start, stop)
        is_leading = (index.flags[index.display[frames]] & Flag.LEADING) != 0
        requests = [frames[~is_leading], frames[is_leading]]
        if index.trust == Trust.FULL and (index.flags[start:stop] & Flag.DISPOSABLE).any():
            others = frames[~is_leading]
            requests.append(others[np.isin(others % 7, _FRAMES_OF_SEVEN)])
        return all(self._gives_same(index, request, sums) for request in requests if len(request))

    def _gives_same(self, index: FrameIndex, request: Ints, sums: dict[int, int]) -> bool:
        sums_found = {}
        plan = index.plan(request)
        for run, feed in zip(plan.runs, make_piecewise_feeds(self._blob, plan), strict=True):
            frame_of = dict(zip(run.wanted.tolist(), run.frames.tolist(), strict=True))
            packets = make_packets(self._config, feed())
            for frame in self._open(start=int(run.packets[0])).decode_all(packets):
                self._conversion.check(frame)
                if frame.pts in frame_of:
                    sums_found[frame_of[frame.pts]] = compute_checksum(frame)
        return sums_found == {frame: sums.get(frame) for frame in request.tolist()}

    def _holds_for_all(self, holds: Callable[[tuple[int, int]], bool], segments: list[tuple[int, int]]) -> bool:
        """Return True if `holds` is true for all segments. They are checked in threads, until one fails."""
        with ThreadPoolExecutor(self._threads) as pool:
            tasks = [pool.submit(holds, segment) for segment in segments]
            try:
                return all(task.result() for task in tasks)
            finally:
                pool.shutdown(cancel_futures=True)

    def _decode_plainly(self, index: FrameIndex, start: int, stop: int) -> tuple[list[int], list[int]]:
        """Return packet numbers and checksums of the frames of packets ``start:stop``; none if there is damage.

        What a decoder shows of damaged packets depends on all it was fed before, so it takes a full decode.
        The decoder began earlier and saw the first packet: a start that needs what only earlier packets said must not
        be compared with itself.
        """
        fed = self._list_fed(index, start, stop)
        spans = [(pos, pos + size) for pos, size in zip(index.pos[fed].tolist(), index.size[fed].tolist(), strict=True)]
        numbers, sums = [], []
        decoding = self._open(start=0)
        packets = zip(fed.tolist(), _fetch_in_batches(self._blob, spans), strict=True)
        for frame in decoding.decode_all(make_packets(self._config, packets)):
            number = frame.pts
            if number is not None and number >= start and not index.flags[number] & Flag.HIDDEN:
                if frame.is_corrupt:
                    return [], []
                numbers.append(number)
                sums.append(compute_checksum(frame))
        return ([], []) if decoding.failed else (numbers, sums)

    def _list_fed(self, index: FrameIndex, start: int, stop: int) -> Ints:
        """The packets to feed to a decoder for those of ``start:stop``: the first frame, then from further back."""
        first = self._find_earlier_start(index, start)
        return np.unique(np.concatenate([np.arange(self._first_frame_end(index)), np.arange(first, stop)]))

    @staticmethod
    def _first_frame_end(index: FrameIndex) -> int:
        """The number of packets of the first frame: two if it is coded in fields that are packets."""
        return 1 + int(len(index.flags) > 1 and bool(index.flags[1] & Flag.CONTINUES))

    def _open(self, start: int) -> Decoding:
        return Decoding(self._config.open_context(max_pixels=self._max_pixels, start=start), self._max_pixels)

    def _find_earlier_start(self, index: FrameIndex, start: int) -> int:
        """Return the start before `start`; or `start` itself, if it is closed and the one before is far.

        Nothing after a closed start refers to what is before it, so that the long stretch before need not be decoded.
        """
        number = int(np.searchsorted(index.raps, start))
        before = int(index.raps[max(0, number - 1)])
        is_closed = number > 0 and not index.flags[start] & Flag.OPEN
        return start if is_closed and start - before > self.max_packets else before

    def _choose_segments(self, index: FrameIndex, *, everything: bool) -> list[tuple[int, int]]:
        """Choose packet ranges to check, each from a start towards the next."""
        raps = index.raps
        ends = np.append(raps[1:], len(index.pos))
        if everything:
            return list(zip(raps.tolist(), ends.tolist(), strict=True))
        spread = np.linspace(0, len(raps) - 1, _SEGMENTS_PER_SAMPLE).round().astype(int)
        # Where the decoder's settings change, the starts before and after differ in what they need.
        changed = np.searchsorted(raps, sorted(self._config.changes)[:_MAX_CHANGES_CHECKED], side="right") - 1
        chosen = np.unique(np.concatenate([spread, changed.clip(0).astype(int)]))
        return [self._cut_segment(index, int(raps[number]), int(ends[number])) for number in chosen]

    def _cut_segment(self, index: FrameIndex, start: int, end: int) -> tuple[int, int]:
        """Cut a segment to about `max_packets` packets, at the end of a frame."""
        stop = min(end, start + self.max_packets)
        while stop < end and index.flags[stop] & Flag.CONTINUES:
            stop += 1
        return start, stop


def _list_frames(index: FrameIndex, start: int, stop: int) -> Ints:
    """Return the numbers of the frames that begin in packets ``start:stop``."""
    return np.flatnonzero((index.display >= start) & (index.display < stop))


def _fetch_in_batches(blob: Blob, spans: list[tuple[int, int]], batch: int = 64) -> Iterator[memoryview]:
    for at in range(0, len(spans), batch):
        yield from blob.read_ranges(spans[at : at + batch])

"""A cache of decoders, each kept where the last read of its video ended, so that the next read can continue there.

A clip begins at the start of its group of pictures, so a walk through a video in clips would decode each group again
and again. A decoder only continues over packets that follow those it was fed, of the same bytes: its output is then
that of one pass.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from reelbase.plugin import call_after_fork
from reelbase_plugins.video.decoding.decoder import Decoding, make_packets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.video.frame import VideoFrame

    from reelbase.plugin import Blob, FrameIndex, Run
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

_MAX_DECODERS: Final = 16
_MAX_BYTES_OF_FRAMES: Final = 256 << 20
_FRAMES_PER_DECODER: Final = 20  # that a decoder holds at most: references, and frames it brings into order


class LiveDecoder:
    """A decoder, with a record of what it was fed and what it has output.

    Args:
        config: Decoder configuration of the video.
        max_pixels: Maximum number of pixels of a frame.
        threads: Number of threads of the decoder.
        start: Number of the packet that it will be fed first.

    Attributes:
        threads: Number of threads of the decoder.
    """

    def __init__(self, config: DecoderConfig, max_pixels: int, threads: int, start: int) -> None:
        self.threads = threads
        self._config = config
        context = config.open_context(max_pixels=max_pixels, threads=threads, start=start)
        # None when the decoder was ended: then only the frames in `_pending` are left.
        self._decoding: Decoding | None = Decoding(context, max_pixels)
        self._start: int | None = None
        self._last_fed = -1
        self._fed: set[int] = set()
        self._shown: set[int | None] = set()
        self._pending: deque[VideoFrame] = deque()

    @property
    def is_fresh(self) -> bool:
        """True if it was not fed any packet yet."""
        return self._start is None

    @property
    def max_bytes(self) -> int:
        """Maximum number of bytes that its frames take in memory."""
        width, height = self._config.size
        return (
            width * height * 3 * (len(self._pending) if self._decoding is None else _FRAMES_PER_DECODER + self.threads)
        )

    def can_continue(self, run: Run) -> bool:
        """Return True if it can continue into `run` without restarting.

        It must have been fed all packets of the run up to its position, and must not have output a wanted frame yet.
        """
        if not self.is_on_way_to(run):
            return False
        if self._decoding is None:
            return {frame.pts for frame in self._pending}.issuperset(run.wanted.tolist())
        return self._fed.issuperset(run.packets[run.packets <= self._last_fed].tolist())

    def is_on_way_to(self, run: Run) -> bool:
        """Return True if `run` comes after what was output, and starts at a packet it was fed or at the next one."""
        if self._start is None:
            return False
        furthest = self._last_fed + 1 if self._config.can_cross_starts else self._start
        if not self._start <= int(run.packets[0]) <= furthest:
            return False
        return self._shown.isdisjoint(run.wanted.tolist())

    def count_remaining(self, run: Run) -> int:
        """Return the number of packets of `run` that it was not fed yet."""
        return int((run.packets > self._last_fed).sum())

    def forget_before(self, run: Run) -> None:
        """Forget packets and frames before `run`, which are not returned to: a walk may be long."""
        first = int(run.packets[0])
        if first != self._start:
            self._start = first
            self._fed = {number for number in self._fed if number >= first}
            self._shown = {pts for pts in self._shown if pts is not None and pts >= first}

    def decode_further(self, packets: Iterable[tuple[int, Any]]) -> Iterator[VideoFrame]:
        """Yield the frames of further packets. Packets that it was fed before are skipped."""
        yield from self._take_pending()
        decoding = self._decoding
        if decoding is None:
            return
        before = self._last_fed if self._last_fed >= 0 else None
        for packet in make_packets(self._config, self._skip_fed(packets), before):
            self._pending.extend(decoding.decode(packet))
            yield from self._take_pending()
        self._decoding = None  # a decoder takes no more packets once it was ended
        self._pending.extend(decoding.decode(None))
        yield from self._take_pending()

    def _skip_fed(self, packets: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        for number, data in packets:
            if number > self._last_fed:
                self._start = number if self._start is None else self._start
                self._last_fed = number
                self._fed.add(number)
                yield number, data

    def _take_pending(self) -> Iterator[VideoFrame]:
        while self._pending:
            frame = self._pending.popleft()
            self._shown.add(frame.pts)
            yield frame


class DecoderCache:
    """The decoders used last, one per video, limited by number and by the memory that their frames take.

    A decoder is found by the identity of the index and of the byte source: it belongs to the bytes it was fed.
    """

    def __init__(self) -> None:
        self._reset_after_fork()
        call_after_fork(self._reset_after_fork)

    def _reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], tuple[Any, Any, LiveDecoder]] = OrderedDict()

    def take(self, index: FrameIndex, blob: Blob, run: Run, threads: int = 1) -> tuple[LiveDecoder | None, bool]:
        """Take a decoder out of the cache that can continue into `run`. Only the caller uses it from then on.

        At the start of a group of pictures, a decoder of fewer than `threads` threads is not returned: a new one with
        more threads is opened there.

        Returns:
            The decoder, or None; and whether the video is being walked through.
        """
        with self._lock:
            decoder = self._find(index, blob)
            if decoder is None:
                return None, False
            is_slow = decoder.threads < threads and decoder.count_remaining(run) == len(run.packets)
            if is_slow or not decoder.can_continue(run):
                return None, decoder.is_on_way_to(run)
            del self._kept[id(index), id(blob.source)]
        decoder.forget_before(run)
        return decoder, True

    def count_remaining(self, index: FrameIndex, blob: Blob, run: Run) -> int | None:
        """Return how many packets of `run` the video's decoder was not fed yet; None if no decoder leads to it."""
        with self._lock:
            decoder = self._find(index, blob)
            return decoder.count_remaining(run) if decoder is not None and decoder.is_on_way_to(run) else None

    def _find(self, index: FrameIndex, blob: Blob) -> LiveDecoder | None:
        kept = self._kept.get((id(index), id(blob.source)))
        # ids are used again once an object is gone, hence the weak references
        if kept is None or kept[0]() is not index or kept[1]() is not blob.source:
            return None
        decoder: LiveDecoder = kept[2]
        return decoder

    def keep(self, index: FrameIndex, blob: Blob, decoder: LiveDecoder) -> None:
        """Keep a decoder for the next read of these bytes with this index."""
        try:
            kept = (weakref.ref(index), weakref.ref(blob.source), decoder)
        except TypeError:  # without a weak reference, another source could later have the same id
            return
        dropped = []
        with self._lock:
            self._kept[id(index), id(blob.source)] = kept
            self._kept.move_to_end((id(index), id(blob.source)))
            while len(self._kept) > _MAX_DECODERS or (
                len(self._kept) > 1 and self._count_bytes() > _MAX_BYTES_OF_FRAMES
            ):
                dropped.append(self._kept.popitem(last=False))
        del dropped  # closes the decoders, which takes time and therefore happens outside the lock

    def _count_bytes(self) -> int:
        return sum(decoder.max_bytes for _, _, decoder in self._kept.values())


decoder_cache = DecoderCache()

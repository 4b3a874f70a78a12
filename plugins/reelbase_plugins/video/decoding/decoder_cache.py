"""Decoders that stand where the last read of a video ended, so that the next one goes on from there.

Who walks through a video in clips would else decode each group of pictures from its start again and again. A decoder
goes on only over packets that follow what it was fed, of the same bytes: what comes out is what one pass gives.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from reelbase.plugin import call_after_fork
from reelbase_plugins.video.decoding.decoder import Decoding, indexed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.video.frame import VideoFrame

    from reelbase.plugin import Blob, FrameIndex, Run
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

_KEPT: Final = 16
_BYTES: Final = 256 << 20
_HELD: Final = 20  # frames that a decoder holds, at most: references, and those it sorts


class LiveDecoder:
    """A decoder, and what it was fed.

    Args:
        recipe: Decoder configuration of the video.
        max_pixels: Bound on a frame.
        threads: Number of threads of the decoder.

    Attributes:
        threads: Number of threads of the decoder.
    """

    def __init__(self, recipe: DecoderConfig, max_pixels: int, threads: int) -> None:
        self.threads = threads
        self._recipe = recipe
        context = recipe.context(max_pixels=max_pixels, threads=threads)
        self._decoding: Decoding | None = Decoding(context, max_pixels)
        self._start: int | None = None
        self._last = -1
        self._fed: set[int] = set()
        self._shown: set[int | None] = set()
        self._pending: deque[VideoFrame] = deque()

    @property
    def fresh(self) -> bool:
        """Whether it was fed nothing yet."""
        return self._start is None

    @property
    def bytes(self) -> int:
        """What its frames take, at most."""
        width, height = self._recipe.size
        return width * height * 3 * (len(self._pending) if self._decoding is None else _HELD + self.threads)

    def can_go_on(self, run: Run) -> bool:
        """Whether it has what the run needs before its place, and none of the wanted frames is past."""
        if not self.leads_to(run):
            return False
        if self._decoding is None:
            return {frame.pts for frame in self._pending}.issuperset(run.wanted.tolist())
        return self._fed.issuperset(run.packets[run.packets <= self._last].tolist())

    def leads_to(self, run: Run) -> bool:
        """Whether the run is after what was shown, and begins among the packets it was fed or with the next one."""
        if self._start is None:
            return False
        furthest = self._last + 1 if self._recipe.flows else self._start
        if not self._start <= int(run.packets[0]) <= furthest:
            return False
        return self._shown.isdisjoint(run.wanted.tolist())

    def left(self, run: Run) -> int:
        """How many packets of the run it was not fed yet."""
        return int((run.packets > self._last).sum())

    def enter(self, run: Run) -> None:
        """Forget what lies before the run, which is not come back to: walks are long."""
        first = int(run.packets[0])
        if first != self._start:
            self._start = first
            self._fed = {number for number in self._fed if number >= first}
            self._shown = {pts for pts in self._shown if pts is not None and pts >= first}

    def frames(self, packets: Iterable[tuple[int, Any]]) -> Iterator[VideoFrame]:
        """All frames that further packets give; those that it was fed before are passed over."""
        yield from self._out()
        decoding = self._decoding
        if decoding is None:
            return
        for packet in indexed(self._recipe, self._further(packets), self._last if self._last >= 0 else None):
            self._pending.extend(decoding.decode(packet))
            yield from self._out()
        self._decoding = None  # after its end a decoder takes no more
        self._pending.extend(decoding.decode(None))
        yield from self._out()

    def _further(self, packets: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        for number, data in packets:
            if number > self._last:
                self._start = number if self._start is None else self._start
                self._last = number
                self._fed.add(number)
                yield number, data

    def _out(self) -> Iterator[VideoFrame]:
        while self._pending:
            frame = self._pending.popleft()
            self._shown.add(frame.pts)
            yield frame


class DecoderCache:
    """The last few, by the video that they are in; bounded by number and by what their frames take."""

    def __init__(self) -> None:
        self._reset_after_fork()
        call_after_fork(self._reset_after_fork)

    def _reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], tuple[Any, Any, LiveDecoder]] = OrderedDict()

    def take(self, index: FrameIndex, blob: Blob, run: Run, threads: int = 1) -> tuple[LiveDecoder | None, bool]:
        """One that can go on to a run, which is the caller's alone then; and whether the video is walked through.

        At the start of a group of pictures one of fewer than `threads` is left for a new one.
        """
        with self._lock:
            cursor = self._held(index, blob)
            if cursor is None:
                return None, False
            slow = cursor.threads < threads and cursor.left(run) == len(run.packets)
            if slow or not cursor.can_go_on(run):
                return None, cursor.leads_to(run)
            del self._kept[id(index), id(blob.source)]
        cursor.enter(run)
        return cursor, True

    def left(self, index: FrameIndex, blob: Blob, run: Run) -> int | None:
        """How many packets of the run one was not fed yet that leads to it; None: none leads to it."""
        with self._lock:
            cursor = self._held(index, blob)
            return cursor.left(run) if cursor is not None and cursor.leads_to(run) else None

    def _held(self, index: FrameIndex, blob: Blob) -> LiveDecoder | None:
        held = self._kept.get((id(index), id(blob.source)))
        if held is None or held[0]() is not index or held[1]() is not blob.source:
            return None
        cursor: LiveDecoder = held[2]
        return cursor

    def keep(self, index: FrameIndex, blob: Blob, cursor: LiveDecoder) -> None:
        """For the next read of these bytes by this index."""
        try:
            held = (weakref.ref(index), weakref.ref(blob.source), cursor)
        except TypeError:  # a source that cannot be known from one that is put in its place
            return
        let_go = []
        with self._lock:
            self._kept[id(index), id(blob.source)] = held
            self._kept.move_to_end((id(index), id(blob.source)))
            while len(self._kept) > _KEPT or (len(self._kept) > 1 and self._bytes() > _BYTES):
                let_go.append(self._kept.popitem(last=False))
        del let_go  # not under the lock: decoders are closed here

    def _bytes(self) -> int:
        return sum(cursor.bytes for _, _, cursor in self._kept.values())


cursors = DecoderCache()

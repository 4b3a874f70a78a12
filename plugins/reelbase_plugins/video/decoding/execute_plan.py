"""Execution of a plan: its frames are decoded into one array, or yielded one after another."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from reelbase.errors import DamagedMediaError, ReelbaseError, UsageError
from reelbase.plugin import Trust
from reelbase_plugins.video.decoding.convert import allocate_frames
from reelbase_plugins.video.decoding.convert_threads import ConversionPool
from reelbase_plugins.video.decoding.decoder import Sequential
from reelbase_plugins.video.decoding.decoder_cache import decoder_cache
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
from reelbase_plugins.video.decoding.fetch import make_feeds, make_piecewise_feeds
from reelbase_plugins.video.decoding.runs import RESTORE, Runs
from reelbase_plugins.video.decoding.scheduling import count_threads, share_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits, Plan
    from reelbase_plugins.video.decoding.fetch import Feed
    from reelbase_plugins.video.decoding.scheduling import Share

    Pixels = NDArray[np.uint8]


def read(blob: Blob, plan: Plan | None, *, out: Pixels | None, size: tuple[int, int] | None, limits: Limits) -> Pixels:
    """See `Codec.decode`."""
    if plan is None:
        raise UsageError("A video cannot be decoded without a plan.", "Make one with index.plan(frame_numbers).")
    config = DecoderConfig.from_dict(plan.index.decoder)
    array = allocate_frames(len(plan.rows), size or config.shape, out)
    # A frame that was asked for several times is decoded into the first of its rows, and copied to the others.
    frames, first = np.unique(plan.rows, return_index=True)
    row_of = dict(zip(plan.frames[frames].tolist(), first.tolist(), strict=True))
    execution = _Execution(blob, plan, config, size, limits)
    execution.fill({frame: array[row] for frame, row in row_of.items()})
    for row in sorted(set(range(len(plan.rows))).difference(first.tolist())):
        array[row] = array[row_of[int(plan.frames[plan.rows[row]])]]
    return array


def stream(blob: Blob, plan: Plan, *, size: tuple[int, int] | None, limits: Limits) -> Iterator[Pixels]:
    """See `Codec.stream`."""
    config = DecoderConfig.from_dict(plan.index.decoder)
    return _Execution(blob, plan, config, size, limits).iter_frames()


class _Execution:
    """The decoding of one plan."""

    def __init__(
        self, blob: Blob, plan: Plan, config: DecoderConfig, size: tuple[int, int] | None, limits: Limits
    ) -> None:
        self._blob = blob
        self._plan = plan
        self._config = config
        self._size = size
        self._limits = limits
        self._runs = Runs(blob, plan, config, limits)

    def fill(self, rows: dict[int, Pixels]) -> None:
        """Decode every wanted frame into its array; `rows` maps frame numbers to arrays."""
        if self._plan.index.trust == Trust.CONTAINER:
            with self._open_pool(0) as pool:
                for number, frame in self._decode_from_container():
                    pool.convert_into(frame, rows[number], _make_label(number))
            return
        feeds = make_feeds(self._blob, self._plan)
        share = self._share_runs()
        if len(share.lanes) <= 1:
            for lane in share.lanes:
                self._decode_lane(lane, share, feeds, rows)
            return
        with ThreadPoolExecutor(len(share.lanes), "reelbase-decode") as pool:
            for task in [pool.submit(self._decode_lane, lane, share, feeds, rows) for lane in share.lanes]:
                task.result()

    def _share_runs(self) -> Share:
        """Distribute the runs over threads; packets that a kept decoder was fed before cost nothing."""
        runs = self._plan.runs
        costs = [len(run.packets) for run in runs]
        remaining = decoder_cache.count_remaining(self._plan.index, self._blob, runs[0]) if runs else None
        is_walk = remaining is not None and all(map(self._is_next_adjacent, range(len(runs) - 1)))
        costs[:1] = [remaining] if remaining is not None else costs[:1]
        return share_out(costs, self._threads, sound=self._config.sound, walking=is_walk)

    @property
    def _threads(self) -> int:
        return count_threads(self._limits.threads)

    def _is_next_adjacent(self, number: int) -> bool:
        """Return True if one decoder can go on from a run to the next: no packet is between them."""
        run, next_run = self._plan.runs[number : number + 2]
        return self._config.can_cross_starts and int(next_run.packets[0]) <= int(run.packets[-1]) + 1

    def _open_pool(self, threads: int) -> ConversionPool:
        return ConversionPool(self._config, self._size, threads)

    def _decode_lane(self, lane: Sequence[int], share: Share, feeds: Sequence[Feed], rows: dict[int, Pixels]) -> None:
        with self._open_pool(share.converter_threads if len(rows) > 1 else 0) as pool:
            for number in lane:
                run, continues = self._plan.runs[number], number + 1 in lane and self._is_next_adjacent(number)
                for frame, picture in self._runs.decode(run, feeds[number], share.decoder_threads, continues=continues):
                    pool.convert_into(picture, rows[frame], _make_label(frame))

    def _decode_from_container(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the wanted frames by a sequential pass, for files that no index gives the right frames of."""
        wanted = set(self._plan.frames.tolist())
        index = self._plan.index
        sequence = Sequential(self._blob, self._config, self._blob.key, self._limits.max_pixels, index)
        for number, frame in enumerate(sequence):
            if number in wanted:
                wanted.remove(number)
                yield number, frame
            if not wanted:
                return
        if wanted:
            raise DamagedMediaError(f"Frame {min(wanted)} did not come out of {self._blob.key}.", RESTORE)

    def iter_frames(self) -> Iterator[Pixels]:
        """Yield the wanted frames in ascending order, each as an array that the caller owns."""
        converting: dict[int, Future[Pixels]] = {}  # decoded frames that are not due yet, by number
        due = deque(self._plan.frames.tolist())

        def take_due(keep: int) -> Iterator[Pixels]:
            """Yield frames that are due, until at most `keep` are left to convert."""
            while len(converting) > keep and due[0] in converting:
                yield converting.pop(due.popleft()).result()

        share = share_out([len(self._plan.index.pos)], self._threads, sound=self._config.sound)
        with self._open_pool(share.converter_threads) as pool:
            try:
                for number, frame in self._decode(share.decoder_threads):
                    converting[number] = pool.convert(frame, _make_label(number))
                    yield from take_due(pool.max_waiting)
            except ReelbaseError:  # frames that were decoded before the error are still yielded
                yield from take_due(0)
                raise
            yield from take_due(0)

    def _decode(self, threads: int) -> Iterator[tuple[int, VideoFrame]]:
        if self._plan.index.trust == Trust.CONTAINER:
            yield from self._decode_from_container()
            return
        last = len(self._plan.runs) - 1
        for number, feed in enumerate(make_piecewise_feeds(self._blob, self._plan)):
            continues = number < last and self._is_next_adjacent(number)
            yield from self._runs.decode(self._plan.runs[number], feed, threads, continues=continues)


def _make_label(number: int) -> str:
    return f"Frame {number}"

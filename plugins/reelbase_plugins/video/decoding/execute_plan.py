"""Planned frames into one array, or one after another."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from reelbase.errors import DamagedMediaError, ReelbaseError, UsageError
from reelbase.plugin import Trust
from reelbase_plugins.video.decoding.convert import fresh
from reelbase_plugins.video.decoding.convert_threads import ConversionPool
from reelbase_plugins.video.decoding.decoder import Sequential
from reelbase_plugins.video.decoding.decoder_cache import cursors
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
from reelbase_plugins.video.decoding.fetch import feeds, stepwise
from reelbase_plugins.video.decoding.runs import RESTORE, Runs
from reelbase_plugins.video.decoding.scheduling import shared_out, threads_here

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
        raise UsageError("A video is decoded by a plan.", "Make one: index.plan(frame_numbers).")
    recipe = DecoderConfig.from_dict(plan.index.decoder)
    array = fresh(len(plan.rows), size or recipe.shape, out)
    frames, first = np.unique(plan.rows, return_index=True)
    row_of = dict(zip(plan.frames[frames].tolist(), first.tolist(), strict=True))
    work = _Work(blob, plan, recipe, size, limits)
    work.fill({frame: array[row] for frame, row in row_of.items()})
    for row in sorted(set(range(len(plan.rows))).difference(first.tolist())):
        array[row] = array[row_of[int(plan.frames[plan.rows[row]])]]
    return array


def stream(blob: Blob, plan: Plan, *, size: tuple[int, int] | None, limits: Limits) -> Iterator[Pixels]:
    """See `Codec.stream`."""
    recipe = DecoderConfig.from_dict(plan.index.decoder)
    return _Work(blob, plan, recipe, size, limits).each()


class _Work:
    """The decoding of one plan."""

    def __init__(
        self, blob: Blob, plan: Plan, recipe: DecoderConfig, size: tuple[int, int] | None, limits: Limits
    ) -> None:
        self._blob = blob
        self._plan = plan
        self._recipe = recipe
        self._size = size
        self._limits = limits
        self._runs = Runs(blob, plan, recipe, limits)

    def fill(self, rows: dict[int, Pixels]) -> None:
        """Decode every wanted frame into its row."""
        if self._plan.index.trust == Trust.CONTAINER:
            with self._painting(0) as painting:
                for number, frame in self._from_container():
                    painting.paint(frame, rows[number], _name(number))
            return
        sources = feeds(self._blob, self._plan)
        share = self._share()
        if len(share.lanes) <= 1:
            for lane in share.lanes:
                self._lane(lane, share, sources, rows)
            return
        with ThreadPoolExecutor(len(share.lanes), "reelbase-decode") as pool:
            for done in [pool.submit(self._lane, lane, share, sources, rows) for lane in share.lanes]:
                done.result()

    def _share(self) -> Share:
        runs = self._plan.runs
        costs = [len(run.packets) for run in runs]
        left = cursors.left(self._plan.index, self._blob, runs[0]) if runs else None
        walking = left is not None and all(map(self._adjoin, range(len(runs) - 1)))
        costs[:1] = [left] if left is not None else costs[:1]
        return shared_out(costs, self._threads, sound=self._recipe.sound, walking=walking)

    @property
    def _threads(self) -> int:
        return threads_here(self._limits.threads)

    def _adjoin(self, number: int) -> bool:
        """Whether the next run begins no later than after this one's last packet."""
        run, then = self._plan.runs[number : number + 2]
        return self._recipe.flows and int(then.packets[0]) <= int(run.packets[-1]) + 1

    def _painting(self, threads: int) -> ConversionPool:
        return ConversionPool(self._recipe, self._size, threads)

    def _lane(self, lane: Sequence[int], share: Share, sources: Sequence[Feed], rows: dict[int, Pixels]) -> None:
        with self._painting(share.painters if len(rows) > 1 else 0) as painting:
            for number in lane:
                run, onward = self._plan.runs[number], number + 1 in lane and self._adjoin(number)
                for frame, picture in self._runs.frames(run, sources[number], share.within, onward=onward):
                    painting.paint(picture, rows[frame], _name(frame))

    def _from_container(self) -> Iterator[tuple[int, VideoFrame]]:
        """Wanted frames by a sequential pass, for files that no index serves."""
        wanted = set(self._plan.frames.tolist())
        whole = Sequential(self._blob, self._recipe, self._blob.key, self._limits.max_pixels)
        for number, frame in enumerate(whole):
            if number in wanted:
                wanted.remove(number)
                yield number, frame
            if not wanted:
                return
        if wanted:
            raise DamagedMediaError(f"Frame {min(wanted)} did not come out of {self._blob.key}.", RESTORE)

    def each(self) -> Iterator[Pixels]:
        """The wanted frames, ascending, each in an array of its own."""
        waiting: dict[int, Future[Pixels]] = {}
        due = deque(self._plan.frames.tolist())

        def ready(most: int) -> Iterator[Pixels]:
            while len(waiting) > most and due[0] in waiting:
                yield waiting.pop(due.popleft()).result()

        share = shared_out([len(self._plan.index.pos)], self._threads, sound=self._recipe.sound)
        with self._painting(share.painters) as painting:
            try:
                for number, frame in self._any(share.within):
                    waiting[number] = painting.picture(frame, _name(number))
                    yield from ready(painting.ahead)
            except ReelbaseError:
                yield from ready(0)
                raise
            yield from ready(0)

    def _any(self, threads: int) -> Iterator[tuple[int, VideoFrame]]:
        if self._plan.index.trust == Trust.CONTAINER:
            yield from self._from_container()
            return
        last = len(self._plan.runs) - 1
        for number, feed in enumerate(stepwise(self._blob, self._plan)):
            onward = number < last and self._adjoin(number)
            yield from self._runs.frames(self._plan.runs[number], feed, threads, onward=onward)


def _name(number: int) -> str:
    return f"Frame {number}"

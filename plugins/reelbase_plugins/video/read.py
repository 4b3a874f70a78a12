"""Planned frames into one array, or one after another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import DamagedMediaError, UsageError
from reelbase.plugin import Trust
from reelbase_plugins.video.convert import Painter, fresh
from reelbase_plugins.video.cursors import Cursor, cursors
from reelbase_plugins.video.decode import Sequential
from reelbase_plugins.video.fetch import feeds, following, longer, stepwise
from reelbase_plugins.video.recipe import Recipe
from reelbase_plugins.video.starts import is_start, without_start
from reelbase_plugins.video.threads import threads_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, FrameIndex, Limits, Plan, Run
    from reelbase_plugins.video.fetch import Feed

    Pixels = NDArray[np.uint8]


def read(blob: Blob, plan: Plan | None, *, out: Pixels | None, size: tuple[int, int] | None, limits: Limits) -> Pixels:
    """See `Codec.decode`."""
    if plan is None:
        raise UsageError("A video is decoded by a plan.", "Make one: index.plan(frame_numbers).")
    recipe = Recipe.from_dict(plan.index.decoder)
    array = fresh(len(plan.rows), size or recipe.shape, out)
    frames, first = np.unique(plan.rows, return_index=True)
    row_of = dict(zip(plan.frames[frames].tolist(), first.tolist(), strict=True))
    work = _Work(blob, plan, recipe, size, limits)
    work.fill({frame: array[row] for frame, row in row_of.items()})
    copies = np.setdiff1d(np.arange(len(plan.rows)), first)
    for row in copies.tolist():
        array[row] = array[row_of[int(plan.frames[plan.rows[row]])]]
    return array


def stream(blob: Blob, plan: Plan, *, size: tuple[int, int] | None, limits: Limits) -> Iterator[Pixels]:
    """See `Codec.stream`."""
    recipe = Recipe.from_dict(plan.index.decoder)
    return _Work(blob, plan, recipe, size, limits).each()


class _Work:
    """The decoding of one plan."""

    def __init__(self, blob: Blob, plan: Plan, recipe: Recipe, size: tuple[int, int] | None, limits: Limits) -> None:
        self._blob = blob
        self._plan = plan
        self._recipe = recipe
        self._size = size
        self._limits = limits

    def fill(self, rows: dict[int, Pixels]) -> None:
        """Decode every wanted frame into its row."""
        if self._plan.index.trust == Trust.CONTAINER:
            for number, frame, painter in self._from_container():
                painter.paint(frame, rows[number], _named(number))
            return
        jobs = list(zip(self._plan.runs, feeds(self._blob, self._plan), strict=True))
        workers = min(threads_here(self._limits.threads), len(jobs))
        if workers < 2:
            self._fill_runs(jobs, rows)
            return
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(self._fill_runs, jobs[n::workers], rows) for n in range(workers)]:
                done.result()

    def _fill_runs(self, jobs: list[tuple[Run, Feed]], rows: dict[int, Pixels]) -> None:
        painter = Painter(self._recipe, self._size)
        for run, feed in jobs:
            for number, frame in self._frames(run, feed):
                painter.paint(frame, rows[number], _named(number))

    def _frames(self, run: Run, feed: Feed) -> Iterator[tuple[int, VideoFrame]]:
        """The wanted frames of a run, decoded by one thread: frame threads conceal damage in another way each time.

        Raises:
            DamagedMediaError: one did not come out.
        """
        cursor, walking = cursors.take(self._plan.index, self._blob, run)
        cursor = cursor or self._cursor()
        if walking:  # what follows brings out the last frames, and leaves the decoder where the next clip begins
            feed = _joined(feed, following(self._blob, self._plan, run))
        if self._recipe.unseen and cursor.fresh:
            packets = feed()
            first = next(packets)
            if not is_start(self._recipe, *first):
                yield from self._from_further_back(run)
                return
            feed = partial(chain, [first], packets)
        wanted = dict(zip(run.wanted.tolist(), run.frames.tolist(), strict=True))
        yield from self._coming(cursor, feed, wanted)
        if wanted:  # after a start amid a GOP, libavcodec shows some frames only when it has seen what follows
            cursor = self._cursor()
            yield from self._coming(cursor, longer(self._blob, self._plan, run), wanted)
        if wanted:
            raise _missing(self._plan.index, wanted, self._blob.key)
        if run is self._plan.runs[-1]:
            cursors.keep(self._plan.index, self._blob, cursor)

    def _cursor(self) -> Cursor:
        return Cursor(self._recipe, self._limits.max_pixels)

    def _from_further_back(self, run: Run) -> Iterator[tuple[int, VideoFrame]]:
        """The wanted frames of a run whose first packet is no start."""
        plan = without_start(self._plan.index, int(run.packets[0])).plan(run.frames)
        work = _Work(self._blob, plan, self._recipe, self._size, self._limits)
        for earlier, its in zip(plan.runs, stepwise(self._blob, plan), strict=True):
            yield from work._frames(earlier, its)

    @staticmethod
    def _coming(cursor: Cursor, feed: Feed, wanted: dict[int, int]) -> Iterator[tuple[int, VideoFrame]]:
        """Those of the `wanted` frames, by packet, that come out; they are taken from `wanted`."""
        for frame in cursor.frames(feed()):
            number = wanted.pop(frame.pts, None) if frame.pts is not None else None
            if number is not None:
                yield number, frame
            if not wanted:
                return

    def _from_container(self) -> Iterator[tuple[int, VideoFrame, Painter]]:
        """Wanted frames by a sequential pass, for files that no index serves."""
        wanted = set(self._plan.frames.tolist())
        painter = Painter(self._recipe, self._size)
        whole = Sequential(self._blob, self._recipe, self._blob.key, self._limits.max_pixels)
        for number, frame in enumerate(whole):
            if number in wanted:
                wanted.remove(number)
                yield number, frame, painter
            if not wanted:
                return
        if wanted:
            raise DamagedMediaError(f"Frame {min(wanted)} did not come out of {self._blob.key}.", _RESTORE)

    def each(self) -> Iterator[Pixels]:
        """The wanted frames, ascending, each in an array of its own."""
        waiting: dict[int, Pixels] = {}
        due = iter(self._plan.frames.tolist())
        following = next(due, None)
        for number, frame, painter in self._any():
            picture = np.empty((*painter.shape, 3), np.uint8)
            painter.paint(frame, picture, _named(number))
            waiting[number] = picture
            while following in waiting:
                yield waiting.pop(following)
                following = next(due, None)

    def _any(self) -> Iterator[tuple[int, VideoFrame, Painter]]:
        if self._plan.index.trust == Trust.CONTAINER:
            yield from self._from_container()
            return
        painter = Painter(self._recipe, self._size)
        for run, feed in zip(self._plan.runs, stepwise(self._blob, self._plan), strict=True):
            for number, frame in self._frames(run, feed):
                yield number, frame, painter


def _joined(first: Feed, then: Feed) -> Feed:
    return lambda: chain(first(), then())


_RESTORE = "The stored bytes are damaged, or this FFmpeg decodes them differently; append the file again."


def _named(number: int) -> str:
    return f"Frame {number}"


def _missing(index: FrameIndex, wanted: dict[int, Any], key: str) -> DamagedMediaError:
    packet, frame = min(wanted.items())
    at = int(index.pos[packet])
    return DamagedMediaError(
        f"Frame {frame} did not come out of packet {packet} (bytes {at}:{at + int(index.size[packet])} of {key}).",
        _RESTORE,
    )

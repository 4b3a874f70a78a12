"""Execution of a plan: its frames are decoded into one array, or yielded one after another."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import DamagedMediaError, ReelbaseError, UsageError
from reelbase.plugin import Trust
from reelbase_plugins.video.decoding.alpha import make_alpha_config, plan_alpha
from reelbase_plugins.video.decoding.convert import AlphaConverter, FrameConverter, allocate_frames
from reelbase_plugins.video.decoding.convert_threads import ConversionPool
from reelbase_plugins.video.decoding.decoder import Sequential
from reelbase_plugins.video.decoding.decoder_cache import decoder_cache
from reelbase_plugins.video.decoding.decoder_config import BESIDE, DecoderConfig
from reelbase_plugins.video.decoding.fetch import make_feeds, make_piecewise_feeds
from reelbase_plugins.video.decoding.planes import PlaneArrays, PlaneConverter, PlaneSlot
from reelbase_plugins.video.decoding.runs import RESTORE, Runs
from reelbase_plugins.video.decoding.scheduling import count_threads, share_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits, Plan
    from reelbase_plugins.video.decoding.convert_threads import Converter
    from reelbase_plugins.video.decoding.fetch import Feed
    from reelbase_plugins.video.decoding.scheduling import Share

    Pixels = NDArray[Any]


def read(
    blob: Blob,
    plan: Plan | None,
    *,
    out: Pixels | None,
    size: tuple[int, int] | None,
    limits: Limits,
    pixels: str = "rgb24",
) -> Pixels:
    """See `Codec.decode`."""
    plan, config = _check_plan(plan)
    array = allocate_frames(len(plan.rows), size or config.shape, out, pixels)
    rows = _first_rows(plan)
    make_converter = partial(FrameConverter, config, size, pixels)
    _Execution(blob, plan, config, make_converter, limits).fill({frame: array[row] for frame, row in rows.items()})
    if pixels == "rgba" and config.alpha:
        alpha = _open_alpha(blob, plan, config, partial(AlphaConverter, make_alpha_config(config), size), limits)
        alpha.fill({frame: array[row][..., 3:] for frame, row in rows.items()})
    _repeat_rows(plan, rows, array)
    return array


def read_planes(blob: Blob, plan: Plan | None, *, limits: Limits) -> dict[str, Pixels]:
    """See `Codec.decode_planes`."""
    plan, config = _check_plan(plan)
    if not len(plan.rows):  # which planes there are, and their sizes, only a decoded frame tells
        planes = read_planes(blob, plan.index.plan(np.zeros(1, np.int64)), limits=limits)
        return {name: plane[:0] for name, plane in planes.items()}
    rows = _first_rows(plan)
    planes = _fill_planes(_Execution(blob, plan, config, partial(PlaneConverter, config), limits), plan, rows)
    if config.alpha:
        alpha_config = make_alpha_config(config)
        alpha = _open_alpha(blob, plan, config, partial(PlaneConverter, alpha_config), limits)
        planes["a"] = _fill_planes(alpha, plan, rows)["y"]
    for plane in planes.values():
        _repeat_rows(plan, rows, plane)
    return planes


def _fill_planes(execution: _Execution, plan: Plan, rows: dict[int, int]) -> dict[str, Pixels]:
    arrays = PlaneArrays(len(plan.rows))
    execution.fill({frame: PlaneSlot(arrays, row) for frame, row in rows.items()})
    return arrays.planes


def stream(
    blob: Blob, plan: Plan, *, size: tuple[int, int] | None, limits: Limits, pixels: str = "rgb24"
) -> Iterator[Pixels]:
    """See `Codec.stream`. It does not read alpha that is kept beside the packets."""
    config = DecoderConfig.from_dict(plan.index.decoder)
    return _Execution(blob, plan, config, partial(FrameConverter, config, size, pixels), limits).iter_frames()


def _check_plan(plan: Plan | None) -> tuple[Plan, DecoderConfig]:
    if plan is None:
        raise UsageError("A video cannot be decoded without a plan.", "Make one with index.plan(frame_numbers).")
    return plan, DecoderConfig.from_dict(plan.index.decoder)


def _first_rows(plan: Plan) -> dict[int, int]:
    """Return the first row of each frame: a frame that is wanted several times is decoded into it, and then copied."""
    frames, first = np.unique(plan.rows, return_index=True)
    return dict(zip(plan.frames[frames].tolist(), first.tolist(), strict=True))


def _repeat_rows(plan: Plan, rows: dict[int, int], array: Pixels) -> None:
    for row in sorted(set(range(len(plan.rows))).difference(rows.values())):
        array[row] = array[rows[int(plan.frames[plan.rows[row]])]]


def _open_alpha(
    blob: Blob, plan: Plan, config: DecoderConfig, make_converter: Callable[[], Converter], limits: Limits
) -> _Execution:
    if config.alpha != BESIDE or plan.index.repacked or plan.index.trust == Trust.CONTAINER:
        raise UsageError(
            "The alpha of this video cannot be read: it is not where the packets of its frames lead to.",
            "Pass pixels='rgb24', or convert the file to one with alpha in its frames, such as ProRes 4444.",
        )
    return _Execution(blob, plan_alpha(blob, plan, config), make_alpha_config(config), make_converter, limits)


class _Execution:
    """The decoding of one plan."""

    def __init__(
        self, blob: Blob, plan: Plan, config: DecoderConfig, make_converter: Callable[[], Converter], limits: Limits
    ) -> None:
        self._blob = blob
        self._plan = plan
        self._config = config
        self._make_converter = make_converter
        self._limits = limits
        self._runs = Runs(blob, plan, config, limits)

    def fill(self, rows: dict[int, Any]) -> None:
        """Decode every wanted frame into what `rows` maps its number to: an array, or a `PlaneSlot`."""
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
        return ConversionPool(self._make_converter, threads)

    def _decode_lane(self, lane: Sequence[int], share: Share, feeds: Sequence[Feed], rows: dict[int, Any]) -> None:
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

"""The wanted frames of a run, out of its packets."""

from __future__ import annotations

import weakref
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import DamagedMediaError
from reelbase_plugins.video.decoding.check_start import is_start, without_start
from reelbase_plugins.video.decoding.decoder import DoubtError
from reelbase_plugins.video.decoding.decoder_cache import LiveDecoder, cursors
from reelbase_plugins.video.decoding.fetch import following, longer, stepwise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame

    from reelbase.plugin import Blob, FrameIndex, Limits, Plan, Run
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
    from reelbase_plugins.video.decoding.fetch import Feed

RESTORE: Final = "The stored bytes are damaged, or this FFmpeg decodes them differently; append the file again."

_doubtful: weakref.WeakValueDictionary[int, FrameIndex] = weakref.WeakValueDictionary()


class Runs:
    """Decodes the runs of a plan.

    Args:
        blob: Where the packets lie.
        plan: Whose runs.
        recipe: How to decode.
        limits: On frames.
    """

    def __init__(self, blob: Blob, plan: Plan, recipe: DecoderConfig, limits: Limits) -> None:
        self._blob = blob
        self._plan = plan
        self._recipe = recipe
        self._limits = limits

    def frames(self, run: Run, feed: Feed, threads: int, *, onward: bool = False) -> Iterator[tuple[int, VideoFrame]]:
        """The wanted frames, with their numbers, as they come out.

        Args:
            run: The run.
            feed: Its packets.
            onward: The packets that follow are decoded next.
            threads: Of the decoder. Frame threads conceal damage in another way each time: what is not known to be
                sound is decoded by one, and so is what turns out not to be.

        Raises:
            DamagedMediaError: one did not come out.
        """
        index = self._plan.index
        threads = threads if self._recipe.sound and _doubtful.get(id(index)) is not index else 1
        cursor, walking = cursors.take(index, self._blob, run, threads)
        cursor = cursor or self._cursor(threads)
        if walking or onward:  # what follows brings out the last frames, and the decoder stays where it is
            feed = _join(feed, following(self._blob, self._plan, run, cursor.threads))
        if self._recipe.unseen and cursor.fresh:
            packets = feed()
            first = next(packets)
            if not is_start(self._recipe, *first):
                yield from self._from_further_back(run)
                return
            feed = partial(chain, [first], packets)
        wanted = dict(zip(run.wanted.tolist(), run.frames.tolist(), strict=True))
        try:
            yield from _coming(cursor, feed, wanted)
        except DoubtError:
            _doubtful[id(index)] = index
        if wanted and cursor.threads > 1:
            cursor = self._cursor()
            yield from _coming(cursor, feed, wanted)
        if wanted:  # after a start amid a GOP, libavcodec shows some frames only when it has seen what follows
            cursor = self._cursor()
            yield from _coming(cursor, longer(self._blob, self._plan, run), wanted)
        if wanted:
            raise _missing(index, wanted, self._blob.key)
        if onward or run is self._plan.runs[-1]:
            cursors.keep(index, self._blob, cursor)

    def _cursor(self, threads: int = 1) -> LiveDecoder:
        return LiveDecoder(self._recipe, self._limits.max_pixels, threads)

    def _from_further_back(self, run: Run) -> Iterator[tuple[int, VideoFrame]]:
        """The wanted frames of a run whose first packet is not a start."""
        plan = without_start(self._plan.index, int(run.packets[0])).plan(run.frames)
        runs = Runs(self._blob, plan, self._recipe, self._limits)
        for earlier, its in zip(plan.runs, stepwise(self._blob, plan), strict=True):
            yield from runs.frames(earlier, its, 1)


def _join(first: Feed, then: Feed) -> Feed:
    return lambda: chain(first(), then())


def _coming(cursor: LiveDecoder, feed: Feed, wanted: dict[int, int]) -> Iterator[tuple[int, VideoFrame]]:
    """Those of the `wanted` frames, by packet, that come out; they are taken from `wanted`."""
    for frame in cursor.frames(feed()):
        number = wanted.pop(frame.pts, None) if frame.pts is not None else None
        if number is not None:
            yield number, frame
        if not wanted:
            return


def _missing(index: FrameIndex, wanted: dict[int, Any], key: str) -> DamagedMediaError:
    packet, frame = min(wanted.items())
    at = int(index.pos[packet])
    return DamagedMediaError(
        f"Frame {frame} did not come out of packet {packet} (bytes {at}:{at + int(index.size[packet])} of {key}).",
        RESTORE,
    )

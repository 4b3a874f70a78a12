"""Decoding of the runs of a plan to the frames that are wanted of them."""

from __future__ import annotations

import weakref
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import DamagedMediaError
from reelbase_plugins.video.decoding.check_start import is_start, remove_start
from reelbase_plugins.video.decoding.decoder import DoubtError
from reelbase_plugins.video.decoding.decoder_cache import LiveDecoder, decoder_cache
from reelbase_plugins.video.decoding.fetch import feed_following, feed_unskipped, make_piecewise_feeds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame

    from reelbase.plugin import Blob, FrameIndex, Limits, Plan, Run
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
    from reelbase_plugins.video.decoding.fetch import Feed

RESTORE: Final = "The stored bytes are damaged, or this FFmpeg decodes them differently; append the file again."

#: Indexes of videos in which a decoder of several threads met damage, by id. One thread decodes them from then on.
_doubtful: weakref.WeakValueDictionary[int, FrameIndex] = weakref.WeakValueDictionary()


class Runs:
    """Decodes the runs of one plan.

    Args:
        blob: The bytes that the packets are stored in.
        plan: The plan that the runs belong to.
        config: Decoder configuration of the video.
        limits: Limits on frame sizes.
    """

    def __init__(self, blob: Blob, plan: Plan, config: DecoderConfig, limits: Limits) -> None:
        self._blob = blob
        self._plan = plan
        self._config = config
        self._limits = limits

    def decode(
        self, run: Run, feed: Feed, threads: int, *, continues: bool = False
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Yield number and picture of the wanted frames of a run, in the order in which they are decoded.

        Args:
            run: The run to decode.
            feed: A feed of its packets.
            continues: True if the packets after the run are decoded next.
            threads: Number of threads of a new decoder. Frame threads conceal damage in another way each time, so that
                a file not known to be undamaged, or found damaged while it is read, is decoded by one thread.

        Raises:
            DamagedMediaError: a wanted frame did not come out.
        """
        index = self._plan.index
        threads = threads if self._config.sound and _doubtful.get(id(index)) is not index else 1
        decoder, is_walk = decoder_cache.take(index, self._blob, run, threads)
        decoder = decoder or self._open_decoder(run, threads)
        if is_walk or continues:
            # Frames wait in a decoder until it is fed more packets or ended. Ending it is cheapest for a single read,
            # but then it could not continue with the next one.
            feed = _join_feeds(feed, feed_following(self._blob, self._plan, run, decoder.threads))
        if self._config.unseen and decoder.is_fresh:
            packets = feed()
            first = next(packets)
            if not is_start(self._config, *first):
                yield from self._decode_from_further_back(run)
                return
            feed = partial(chain, [first], packets)
        wanted = dict(zip(run.wanted.tolist(), run.frames.tolist(), strict=True))
        try:
            yield from _take_wanted(decoder, feed, wanted)
        except DoubtError:
            _doubtful[id(index)] = index
        if wanted and decoder.threads > 1:  # damage, or frames that did not come out: one thread decides
            decoder = self._open_decoder(run)
            yield from _take_wanted(decoder, feed, wanted)
        if wanted:  # after a start within a GOP, libavcodec shows some frames only once it was fed later packets
            decoder = self._open_decoder(run)
            yield from _take_wanted(decoder, feed_unskipped(self._blob, self._plan, run), wanted)
        if wanted:
            raise _make_missing_error(index, wanted, self._blob.key)
        if continues or run is self._plan.runs[-1]:
            decoder_cache.keep(index, self._blob, decoder)

    def _open_decoder(self, run: Run, threads: int = 1) -> LiveDecoder:
        return LiveDecoder(self._config, self._limits.max_pixels, threads, int(run.packets[0]))

    def _decode_from_further_back(self, run: Run) -> Iterator[tuple[int, VideoFrame]]:
        """Decode a run whose first packet turned out not to be a start, from the start before it."""
        plan = remove_start(self._plan.index, int(run.packets[0])).plan(run.frames)
        runs = Runs(self._blob, plan, self._config, self._limits)
        for earlier_run, feed in zip(plan.runs, make_piecewise_feeds(self._blob, plan), strict=True):
            yield from runs.decode(earlier_run, feed, 1)


def _join_feeds(first: Feed, second: Feed) -> Feed:
    return lambda: chain(first(), second())


def _take_wanted(decoder: LiveDecoder, feed: Feed, wanted: dict[int, int]) -> Iterator[tuple[int, VideoFrame]]:
    """Yield the frames that are wanted, and remove them from `wanted`, which maps packet to frame numbers."""
    for frame in decoder.decode_further(feed()):
        number = wanted.pop(frame.pts, None) if frame.pts is not None else None
        if number is not None:
            yield number, frame
        if not wanted:
            return


def _make_missing_error(index: FrameIndex, wanted: dict[int, Any], key: str) -> DamagedMediaError:
    packet, frame = min(wanted.items())
    start = int(index.pos[packet])
    stop = start + int(index.size[packet])
    return DamagedMediaError(
        f"Frame {frame} did not come out of packet {packet} (bytes {start}:{stop} of {key}).",
        RESTORE,
    )

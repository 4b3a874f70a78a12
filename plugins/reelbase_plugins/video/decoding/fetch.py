"""Fetching of the packets of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reelbase.plugin import Blob, Plan, Run

    #: A source of packets, as number and bytes; each call starts again from the first packet.
    Feed = Callable[[], Iterator[tuple[int, memoryview]]]

_PACKETS_AFTER_RUN: Final = 64  # when a run is decoded again without skipping
_PACKETS_TO_FLUSH: Final = 8  # that bring the last frames out of a decoder of one thread
MAX_BYTES_IN_MEMORY: Final = 64 << 20  # of a plan that is fetched with one request
_BYTES_PER_PIECE: Final = 8 << 20


def make_feeds(blob: Blob, plan: Plan) -> list[Feed]:
    """Make a feed of packets in decode order for each run of a plan.

    A plan of up to `MAX_BYTES_IN_MEMORY` is fetched at once, so that ranges of several runs that are close together are
    merged. The runs of a larger one are fetched piece by piece while they are decoded.
    """
    ranges = [plan.ranges(run) for run in plan.runs]
    if sum(stop - start for spans in ranges for start, stop in spans) > MAX_BYTES_IN_MEMORY:
        return make_piecewise_feeds(blob, plan)
    views = blob.read_ranges([span for spans in ranges for span in spans])
    feeds, at = [], 0
    for run in plan.runs:
        fetched = views[at : at + len(run.packets)]
        plan.index.check_packets(run.packets.tolist(), fetched)
        feeds.append(_feed_fetched(run, fetched))
        at += len(run.packets)
    return feeds


def make_piecewise_feeds(blob: Blob, plan: Plan) -> list[Feed]:
    """Make feeds like `make_feeds`, but fetch at most `_BYTES_PER_PIECE` at a time."""
    return [_feed_piecewise(blob, plan, run) for run in plan.runs]


def feed_unskipped(blob: Blob, plan: Plan, run: Run) -> Feed:
    """Make a feed of all packets from the first to the last of a run, and some of those after it."""
    first, last = int(run.packets[0]), int(run.packets[-1])
    packets = np.arange(first, min(last + 1 + _PACKETS_AFTER_RUN, len(plan.index.pos)))
    return _feed_piecewise(blob, plan, replace(run, packets=packets))


def feed_following(blob: Blob, plan: Plan, run: Run, threads: int) -> Feed:
    """Make a feed of a few packets after a run, which bring its last frames out of a decoder of `threads` threads."""
    first = int(run.packets[-1]) + 1
    packets = np.arange(first, min(first + _PACKETS_TO_FLUSH + threads, len(plan.index.pos)))
    return _feed_piecewise(blob, plan, replace(run, packets=packets))


def _feed_fetched(run: Run, views: list[memoryview]) -> Feed:
    return lambda: zip(run.packets.tolist(), views, strict=True)


def _feed_piecewise(blob: Blob, plan: Plan, run: Run) -> Feed:
    spans = plan.ranges(run)

    def feed() -> Iterator[tuple[int, memoryview]]:
        at = 0
        numbers = run.packets.tolist()
        while at < len(spans):
            stop, size = at, 0
            while stop < len(spans) and (stop == at or size + spans[stop][1] - spans[stop][0] <= _BYTES_PER_PIECE):
                size += spans[stop][1] - spans[stop][0]
                stop += 1
            views = blob.read_ranges(spans[at:stop])
            plan.index.check_packets(numbers[at:stop], views)
            yield from zip(numbers[at:stop], views, strict=True)
            at = stop

    return feed

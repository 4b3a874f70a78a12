"""Bringing the packets of a plan from where they lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reelbase.plugin import Blob, Plan, Run

    Feed = Callable[[], Iterator[tuple[int, memoryview]]]

_FOLLOWING: Final = 64
_NEXT: Final = 8
MAX_BYTES_IN_MEMORY: Final = 64 << 20
_CHUNK: Final = 8 << 20


def feeds(blob: Blob, plan: Plan) -> list[Feed]:
    """For each run of a plan, a source of its packets: number and bytes, in decode order; can be called again.

    A plan of moderate size is fetched at once, so that near ranges of several runs are joined; of a large one each
    run is fetched piece by piece while it is decoded.
    """
    ranges = [plan.ranges(run) for run in plan.runs]
    if sum(stop - start for spans in ranges for start, stop in spans) > MAX_BYTES_IN_MEMORY:
        return [_piecewise(blob, run, spans) for run, spans in zip(plan.runs, ranges, strict=True)]
    views = blob.read_ranges([span for spans in ranges for span in spans])
    made, at = [], 0
    for run in plan.runs:
        made.append(_ready(run, views[at : at + len(run.packets)]))
        at += len(run.packets)
    return made


def stepwise(blob: Blob, plan: Plan) -> list[Feed]:
    """Like `feeds`, and never more than a few megabytes at a time."""
    return [_piecewise(blob, run, plan.ranges(run)) for run in plan.runs]


def longer(blob: Blob, plan: Plan, run: Run) -> Feed:
    """The packets of a run with none left out, and some of those that follow it."""
    first, last = int(run.packets[0]), int(run.packets[-1])
    packets = np.arange(first, min(last + 1 + _FOLLOWING, len(plan.index.pos)))
    run = replace(run, packets=packets)
    return _piecewise(blob, run, plan.ranges(run))


def following(blob: Blob, plan: Plan, run: Run, threads: int) -> Feed:
    """A few packets after those of a run, that bring its last frames out of a decoder of so many threads."""
    first = int(run.packets[-1]) + 1
    packets = np.arange(first, min(first + _NEXT + threads, len(plan.index.pos)))
    run = replace(run, packets=packets)
    return _piecewise(blob, run, plan.ranges(run))


def _ready(run: Run, views: list[memoryview]) -> Feed:
    return lambda: zip(run.packets.tolist(), views, strict=True)


def _piecewise(blob: Blob, run: Run, spans: list[tuple[int, int]]) -> Feed:
    def feed() -> Iterator[tuple[int, memoryview]]:
        at = 0
        numbers = run.packets.tolist()
        while at < len(spans):
            stop, size = at, 0
            while stop < len(spans) and (stop == at or size + spans[stop][1] - spans[stop][0] <= _CHUNK):
                size += spans[stop][1] - spans[stop][0]
                stop += 1
            yield from zip(numbers[at:stop], blob.read_ranges(spans[at:stop]), strict=True)
            at = stop

    return feed

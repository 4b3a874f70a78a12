"""Cutting long runs into pieces that threads decode side by side.

Threads inside one decoder would be simpler, but are exact for undamaged files only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase.plugin import Flag, Run, Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.plugin import FrameIndex, Plan

_SHORTEST: Final = 12


def split(plan: Plan, workers: int) -> Plan:
    """The plan with its runs cut at closed starts, for `workers` threads; the same packets and frames in all."""
    if workers < 2 or len(plan.runs) >= 2 * workers or plan.index.trust < Trust.NO_SKIP:
        return plan
    total = sum(len(run.packets) for run in plan.runs)
    piece = max(_SHORTEST, total // (2 * workers))
    return replace(plan, runs=tuple(part for run in plan.runs for part in _cut(plan.index, run, piece)))


def _cut(index: FrameIndex, run: Run, piece: int) -> Iterator[Run]:
    """Pieces of at least `piece` packets, all but the first starting with a closed start."""
    flags = index.flags[run.packets]
    closed = np.flatnonzero((flags & (Flag.RAP | Flag.OPEN)) == Flag.RAP)
    start = 0
    for at in closed.tolist():
        if at - start >= piece and len(run.packets) - at >= _SHORTEST:
            yield from _part(run, start, at)
            start = at
    yield from _part(run, start, len(run.packets))


def _part(run: Run, start: int, stop: int) -> Iterator[Run]:
    packets = run.packets[start:stop]
    mine = (run.wanted >= packets[0]) & (run.wanted <= packets[-1])
    if mine.any():
        yield Run(packets=packets, wanted=run.wanted[mine], frames=run.frames[mine])

"""How many threads to decode with, and which of them decodes what."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITHIN: Final = 8  # what FFmpeg's frame threads gain, beyond this many they gain no more
_GAIN: Final = 0.4  # of a further frame thread: they wait for each other's pictures
MIN_PACKETS_FOR_THREADS: Final = 12  # packets of a run that are worth threads of their own
_WALK: Final = 128  # packets of a step of a walk, at most


def threads_here(most: int = 0) -> int:
    """Threads to use: the processors this process may run on, one in a worker process of a data loader.

    Args:
        most: Not more than these; 0: no bound.
    """
    if multiprocessing.current_process().daemon:
        return 1
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(found, most) if most else found


@dataclass(frozen=True)
class Share:
    """How the runs of a plan are shared out.

    Attributes:
        lanes: Of each thread, the numbers of the runs that it decodes, one after another.
        within: Threads of a decoder itself.
        painters: Threads beside each lane that convert what it decoded; 0: it does so itself.
    """

    lanes: Sequence[Sequence[int]]
    within: int = 1
    painters: int = 0


def shared_out(costs: Sequence[int], threads: int, *, sound: bool, walking: bool = False) -> Share:
    """Runs of so many packets over so many threads, to end as early as can be.

    Runs side by side need nothing of each other, so that two threads take half the time; within a run threads wait for
    each other. One lane of many threads is better only where a run is much longer than the others.

    Args:
        costs: Packets of each run.
        threads: To use.
        sound: Whether a decoder may have several.
        walking: One decoder can go through all of it, and on in the next call: what is read is little then.
    """
    if not costs:
        return Share(())
    if walking and sum(costs) <= _WALK:
        lane = list(range(len(costs)))
        return Share([lane], *_inside([MIN_PACKETS_FOR_THREADS], threads, sound))
    wide = _lanes(costs, min(threads, len(costs)))
    choices = [wide] if len(wide) == 1 else [wide, [list(range(len(costs)))]]
    lanes = min(choices, key=lambda lanes: _takes(lanes, costs, threads // len(lanes)))
    return Share(lanes, *_inside(costs, threads // len(lanes), sound))


def _lanes(costs: Sequence[int], lanes: int) -> list[list[int]]:
    """The longest first, each to who has least (R. L. Graham, Bounds on multiprocessing timing anomalies, 1969)."""
    found: list[list[int]] = [[] for _ in range(lanes)]
    loads = np.zeros(lanes, np.int64)
    for run in sorted(range(len(costs)), key=lambda run: -costs[run]):
        least = int(loads.argmin())
        found[least].append(run)
        loads[least] += costs[run]
    return [sorted(lane) for lane in found]


def _inside(costs: Sequence[int], threads: int, sound: bool) -> tuple[int, int]:
    """Threads of a decoder, and those that convert, of a lane that has so many.

    With two, converting fills the time in which a decoder of three waits: measured, see docs/explanation/decisions.
    """
    if threads < 2 or max(costs) < MIN_PACKETS_FOR_THREADS:
        return 1, 0
    if not sound:
        return 1, 1
    painters = threads // 3
    return min(threads + (not painters) - painters, _WITHIN), painters


def _takes(lanes: Sequence[Sequence[int]], costs: Sequence[int], threads: int) -> float:
    """How long, in packets, if each lane has so many threads."""
    longest = max(sum(costs[run] for run in lane) for lane in lanes)
    return longest / (1 + _GAIN * (threads - 1))

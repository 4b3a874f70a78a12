"""The number of threads to decode with, and which thread decodes which runs."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase.plugin import thread_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_DECODER_THREADS: Final = 8  # FFmpeg's frame threads gain nothing beyond these
#: Speed-up by each further frame thread, in threads: they wait for each other's pictures. An estimate beyond two
#: processors, where it was not measured.
_GAIN_PER_DECODER_THREAD: Final = 0.4
MIN_PACKETS_FOR_THREADS: Final = 12  # of a run; a shorter one is decoded and converted by one thread
_MAX_PACKETS_PER_STEP: Final = 128  # of a read that counts as a step of a walk through the video


def count_threads(limit: int = 0) -> int:
    """Return the number of threads to use: one per processor that this process may run on.

    In a daemonic process, such as a worker of a data loader, it is one.

    Args:
        limit: Maximum number of threads; 0 means no limit. The caller may have set a lower one for this thread.
    """
    limit = thread_limit(limit)
    if multiprocessing.current_process().daemon:
        return 1
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, limit) if limit else processors


@dataclass(frozen=True)
class Share:
    """The distribution of the runs of a plan over threads.

    Attributes:
        lanes: For each thread, the numbers of the runs that it decodes one after another.
        decoder_threads: Number of threads inside each decoder.
        converter_threads: Number of threads that convert the frames of each lane; 0: the lane converts them itself.
    """

    lanes: Sequence[Sequence[int]]
    decoder_threads: int = 1
    converter_threads: int = 0


def share_out(costs: Sequence[int], threads: int, *, sound: bool, walking: bool = False) -> Share:
    """Distribute runs over threads so that the last one ends as early as possible.

    Runs are independent, so that two threads decode two of them in half the time; the threads of one decoder wait for
    each other. One lane with all threads is better only if one run is much longer than the others.

    Args:
        costs: Number of packets of each run.
        threads: Number of threads to use.
        sound: True if the file is known to be undamaged, so that a decoder may have several threads.
        walking: One decoder can go through all runs, and continue in the next call. A small read is then given to that
            decoder alone.
    """
    if not costs:
        return Share(())
    if walking and sum(costs) <= _MAX_PACKETS_PER_STEP:
        lane = list(range(len(costs)))
        return Share([lane], *_split_threads([MIN_PACKETS_FOR_THREADS], threads, sound))
    separate = _fill_lanes(costs, min(threads, len(costs)))
    choices = [separate] if len(separate) == 1 else [separate, [list(range(len(costs)))]]
    lanes = min(choices, key=lambda lanes: _estimate_time(lanes, costs, threads // len(lanes)))
    return Share(lanes, *_split_threads(costs, threads // len(lanes), sound))


def _fill_lanes(costs: Sequence[int], count: int) -> list[list[int]]:
    """Give runs to `count` lanes, the longest run first, each to the lane with the least to do.

    R. L. Graham, Bounds on multiprocessing timing anomalies, 1969.
    """
    lanes: list[list[int]] = [[] for _ in range(count)]
    loads = np.zeros(count, np.int64)
    for run in sorted(range(len(costs)), key=lambda run: -costs[run]):
        least = int(loads.argmin())
        lanes[least].append(run)
        loads[least] += costs[run]
    return [sorted(lane) for lane in lanes]


def _split_threads(costs: Sequence[int], threads: int, sound: bool) -> tuple[int, int]:
    """Split the threads of a lane into those of its decoder and those that convert its frames.

    With two threads the decoder gets three and the lane converts, which fills the time in which decoder threads wait
    for each other. With three and more, one in three converts. Decision 30 has the measurements.
    """
    if threads < 2 or max(costs) < MIN_PACKETS_FOR_THREADS:
        return 1, 0
    if not sound:
        return 1, 1
    converters = threads // 3
    return min(threads + (not converters) - converters, _MAX_DECODER_THREADS), converters


def _estimate_time(lanes: Sequence[Sequence[int]], costs: Sequence[int], threads: int) -> float:
    """Estimate the time that `lanes` take, in packets of one thread, if each lane has `threads` threads."""
    longest = max(sum(costs[run] for run in lane) for lane in lanes)
    return longest / (1 + _GAIN_PER_DECODER_THREAD * (threads - 1))

"""How many threads to decode with."""

from __future__ import annotations

import multiprocessing
import os


def threads_here(most: int = 0) -> int:
    """Threads to use: the processors this process may run on, one in a worker process of a data loader.

    Args:
        most: Not more than these; 0: no bound.
    """
    if multiprocessing.current_process().daemon:
        return 1
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(found, most) if most else found

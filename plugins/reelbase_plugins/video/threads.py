"""How many threads to decode with."""

from __future__ import annotations

import multiprocessing
import os


def threads_here() -> int:
    """Threads to use: the processors this process may run on, one in a worker process of a data loader."""
    if multiprocessing.current_process().daemon:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

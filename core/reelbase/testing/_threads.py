"""Running of a function in several threads at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_BARRIER_TIMEOUT_SECONDS = 60.0


def together(run: Callable[[int], T], threads: int) -> list[T]:
    """Call ``run(0)``, …, ``run(threads - 1)`` at the same time, and return the results in order.

    Args:
        run: Function to call; it is passed the number of its thread.
        threads: Number of threads.

    Raises:
        Exception: an exception of one of the calls.
    """
    barrier = threading.Barrier(threads)  # without it, the first call may end before the last one starts

    def start(number: int) -> T:
        barrier.wait(_BARRIER_TIMEOUT_SECONDS)
        return run(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(start, range(threads)))

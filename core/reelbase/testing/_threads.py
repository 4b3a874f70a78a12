"""Run one function in many threads at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_PATIENCE = 60.0


def together(run: Callable[[int], T], threads: int) -> list[T]:
    """What ``run(0) … run(threads - 1)`` return, all started at once.

    Raises:
        Exception: the first that any of them raises.
    """
    barrier = threading.Barrier(threads)

    def start(number: int) -> T:
        barrier.wait(_PATIENCE)
        return run(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(start, range(threads)))

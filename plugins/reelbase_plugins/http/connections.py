"""The connections and threads of each process. After a fork, the child makes its own."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urllib3 import PoolManager

Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_HOSTS: Final = 32
_MAX_IDLE_CONNECTIONS_PER_HOST: Final = 128
_MAX_THREADS: Final = 32
# By process id. There is no lock, which another thread could hold at a fork: setdefault is atomic.
_managers: dict[int, PoolManager] = {}
_threads: dict[int, ThreadPoolExecutor] = {}


def get_pool_manager() -> PoolManager:
    """Return the connection pools of this process.

    All storages share them: credentials belong to a request, not to a connection.
    """
    from urllib3 import PoolManager

    pid = os.getpid()
    return _managers.get(pid) or _managers.setdefault(
        pid, PoolManager(_MAX_HOSTS, maxsize=_MAX_IDLE_CONNECTIONS_PER_HOST, retries=False)
    )


def map_threads(run: Callable[[Item], Result], items: Sequence[Item], most: int) -> list[Result]:
    """Call `run` for each item in threads and return the results in the order of the items.

    The first error ends the work and is raised.

    Args:
        run: Function to call.
        items: Its arguments.
        most: Highest number of calls at a time.
    """
    # The caller's own thread takes items too, so that it makes progress when other callers use all pool threads.
    waiting = deque(enumerate(items))
    results: dict[int, Result] = {}

    def work() -> None:
        while waiting:
            try:
                position, item = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                results[position] = run(item)
            except BaseException:
                waiting.clear()  # the other threads stop after their current item
                raise

    helpers = [_get_thread_pool().submit(work) for _ in range(min(most, len(items)) - 1)]
    try:
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    finally:
        waiting.clear()
    return [results[position] for position in range(len(items))]


def _get_thread_pool() -> ThreadPoolExecutor:
    pid = os.getpid()
    return _threads.get(pid) or _threads.setdefault(pid, ThreadPoolExecutor(_MAX_THREADS, "reelbase-http"))

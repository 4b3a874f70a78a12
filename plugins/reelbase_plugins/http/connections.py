"""What one process keeps open: connections, and threads to use several at once. Nothing of it crosses a fork."""

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

_HOSTS: Final = 32
_IDLE: Final = 128  # connections kept to one host
_THREADS: Final = 32
# By process id. setdefault is one step: there is no lock, which another thread could hold at a fork.
_managers: dict[int, PoolManager] = {}
_threads: dict[int, ThreadPoolExecutor] = {}


def manager() -> PoolManager:
    """The connections of this process. They are shared: who asks is said by each request, not by a connection."""
    from urllib3 import PoolManager

    pid = os.getpid()
    return _managers.get(pid) or _managers.setdefault(pid, PoolManager(_HOSTS, maxsize=_IDLE, retries=False))


def map_threads(run: Callable[[Item], Result], items: Sequence[Item], most: int) -> list[Result]:
    """What `run` gives for each item, in their order, with at most `most` at work at a time; the first error ends it.

    The caller's own thread is one of them, so that it goes on when many callers share the others.
    """
    waiting = deque(enumerate(items))
    done: dict[int, Result] = {}

    def work() -> None:
        while waiting:
            try:
                at, item = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                done[at] = run(item)
            except BaseException:
                waiting.clear()
                raise

    helpers = [_pool().submit(work) for _ in range(min(most, len(items)) - 1)]
    try:
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    finally:
        waiting.clear()
    return [done[at] for at in range(len(items))]


def _pool() -> ThreadPoolExecutor:
    pid = os.getpid()
    return _threads.get(pid) or _threads.setdefault(pid, ThreadPoolExecutor(_THREADS, "reelbase-http"))

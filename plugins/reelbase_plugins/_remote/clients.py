"""Clients of services: one for each process and each way to ask, shared by all storages that ask in that way.

A client of fsspec belongs to the event loop of one process. In a forked child, that loop does not run: the child finds
no client under its own process id and makes one.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from reelbase.plugin import call_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Result = TypeVar("Result")
Filesystem = TypeVar("Filesystem")

_KEPT: Final = 8
_PATIENCE_AT_THE_END: Final = 1.0


class Client(Generic[Filesystem]):
    """An fsspec filesystem, for its session and credentials, and the loop that it runs on.

    Args:
        filesystem: Made with ``asynchronous=True``: nothing of it is used but in coroutines.
        close: Closes its connections.
    """

    def __init__(self, filesystem: Filesystem, close: Callable[[Filesystem], Coroutine[Any, Any, None]]) -> None:
        from fsspec.asyn import get_loop

        self.filesystem = filesystem
        self._loop = get_loop()
        weakref.finalize(self, _close, os.getpid(), self._loop, close, filesystem)

    def run(self, request: Coroutine[Any, Any, Result], seconds: float) -> Result:
        """Wait for a request; it is dropped when the time is over, and when the wait is interrupted.

        Raises:
            TimeoutError: the time is over.
        """
        answer = asyncio.run_coroutine_threadsafe(_within(request, seconds), self._loop)
        try:
            return answer.result()
        except BaseException:
            answer.cancel()
            raise


async def _within(request: Coroutine[Any, Any, Result], seconds: float) -> Result:
    async with asyncio.timeout(seconds):
        return await request


def _close(
    pid: int,
    loop: asyncio.AbstractEventLoop,
    close: Callable[[Filesystem], Coroutine[Any, Any, None]],
    filesystem: Filesystem,
) -> None:
    """Close a client that nobody uses, or at the end of the process; in a forked child it is the parent's."""
    if pid != os.getpid() or not loop.is_running():
        return
    done = asyncio.run_coroutine_threadsafe(close(filesystem), loop)
    if not _in_a_loop():  # to wait there might be to wait for oneself
        with suppress(TimeoutError):
            done.exception(_PATIENCE_AT_THE_END)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Clients(Generic[Filesystem]):
    """Clients by how they ask; the last few are kept although no storage uses them.

    Args:
        make: A new one, from what it is known by.
    """

    def __init__(self, make: Callable[[Any], Client[Filesystem]]) -> None:
        self._make = make
        self._kept: OrderedDict[tuple[int, Any], Client[Filesystem]] = OrderedDict()
        self._used: weakref.WeakValueDictionary[tuple[int, Any], Client[Filesystem]] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._inherited: list[object] = []
        call_after_fork(self._reset_after_fork)

    def get(self, how: Any) -> Client[Filesystem]:
        """The client of this process for `how`, which must be hashable."""
        key = (os.getpid(), how)
        with self._lock:
            client = self._used.get(key)
            if client is None:
                client = self._used[key] = self._make(how)
            self._kept[key] = client
            self._kept.move_to_end(key)
            let_go = self._kept.popitem(last=False) if len(self._kept) > _KEPT else None
        del let_go  # not under the lock: this may close it
        return client

    def _reset_after_fork(self) -> None:
        """In a forked child: a new lock, for another thread may have held the old one, and the parent's clients kept.

        To let go of them would make their sessions complain that nobody closed them; they are not the child's to close.
        """
        self._lock = threading.Lock()
        self._inherited.append(self._kept)
        self._kept = OrderedDict()

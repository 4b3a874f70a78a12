"""Clients of services. Storages of one process with the same settings share a client.

A client of fsspec belongs to the event loop of one process. In a forked child that loop does not run. Clients are
therefore kept by process id: the child finds none under its own id and makes one.
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

_MAX_IDLE_CLIENTS: Final = 8
_CLOSE_TIMEOUT_SECONDS: Final = 1.0


class Client(Generic[Filesystem]):
    """An fsspec filesystem and its event loop. Only its session and its credentials are used.

    Args:
        filesystem: Filesystem that was made with ``asynchronous=True``; only coroutines may use it.
        close: Coroutine function that closes the connections of the filesystem.
    """

    def __init__(self, filesystem: Filesystem, close: Callable[[Filesystem], Coroutine[Any, Any, None]]) -> None:
        from fsspec.asyn import get_loop

        self.filesystem = filesystem
        self._loop = get_loop()
        weakref.finalize(self, _close, os.getpid(), self._loop, close, filesystem)

    def run(self, request: Coroutine[Any, Any, Result], seconds: float) -> Result:
        """Run a request on the event loop and wait for its result.

        The request is cancelled at the timeout, and when the wait is interrupted (Ctrl-C).

        Args:
            request: Coroutine of the request.
            seconds: Timeout in seconds.

        Raises:
            TimeoutError: the request did not finish in time.
        """
        answer = asyncio.run_coroutine_threadsafe(_run_with_timeout(request, seconds), self._loop)
        try:
            return answer.result()
        except BaseException:
            answer.cancel()
            raise


async def _run_with_timeout(request: Coroutine[Any, Any, Result], seconds: float) -> Result:
    async with asyncio.timeout(seconds):
        return await request


def _close(
    pid: int,
    loop: asyncio.AbstractEventLoop,
    close: Callable[[Filesystem], Coroutine[Any, Any, None]],
    filesystem: Filesystem,
) -> None:
    """Close a client that is no longer used, at the latest at the end of the process."""
    # In a forked child the connections belong to the parent, which still uses them.
    if pid != os.getpid() or not loop.is_running():
        return
    done = asyncio.run_coroutine_threadsafe(close(filesystem), loop)
    # The garbage collector may call this in the loop's own thread. Waiting there would be a deadlock.
    if not _is_in_event_loop():
        with suppress(TimeoutError):
            done.exception(_CLOSE_TIMEOUT_SECONDS)


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Clients(Generic[Filesystem]):
    """The clients of each process by their settings. The last few are kept although no storage uses them.

    Args:
        make: Makes a client from its settings.
    """

    def __init__(self, make: Callable[[Any], Client[Filesystem]]) -> None:
        self._make = make
        self._kept: OrderedDict[tuple[int, Any], Client[Filesystem]] = OrderedDict()
        self._used: weakref.WeakValueDictionary[tuple[int, Any], Client[Filesystem]] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._inherited: list[object] = []
        call_after_fork(self._reset_after_fork)

    def get(self, settings: Any) -> Client[Filesystem]:
        """Return this process's client for `settings`, which must be hashable."""
        key = (os.getpid(), settings)
        with self._lock:
            client = self._used.get(key)
            if client is None:
                client = self._used[key] = self._make(settings)
            self._kept[key] = client
            self._kept.move_to_end(key)
            dropped = self._kept.popitem(last=False) if len(self._kept) > _MAX_IDLE_CLIENTS else None
        del dropped  # after the lock is released: this may close the client, which waits for its connections
        return client

    def _reset_after_fork(self) -> None:
        """Start without clients in a forked child."""
        self._lock = threading.Lock()  # another thread may have held the old lock at the fork
        # Keep the parent's clients alive. If they were collected here, their sessions would warn that they were not
        # closed, and the child must not close the parent's connections.
        self._inherited.append(self._kept)
        self._kept = OrderedDict()

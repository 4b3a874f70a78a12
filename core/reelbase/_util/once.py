"""A value that is made on first use, by one thread, once per process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from reelbase._util.forks import call_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Once(Generic[T]):
    """Calls `make` on first use and keeps what it returns; an exception is not kept.

    Args:
        make: Makes the value; may use other `Once` values, not its own.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._unlock()
        call_after_fork(self._unlock)

    def __call__(self) -> T:
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    def forget(self) -> None:
        """Make the value again on the next use."""
        with self._lock:
            self._made = []

    def _unlock(self) -> None:
        self._lock = threading.Lock()

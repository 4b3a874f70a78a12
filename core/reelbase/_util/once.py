"""A value that is made on first use, by one thread, once in each process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from reelbase._util.forks import call_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Once(Generic[T]):
    """Calls `make` on first use and keeps what it returns. If `make` raises, the next use calls it again.

    Args:
        make: Makes the value. It may use other `Once` values, but not the one that it makes: that would deadlock.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: list[T] = []  # empty or one value; a list, since the value itself may be None
        self._unlock()
        call_after_fork(self._unlock)

    def __call__(self) -> T:
        if not self._values:
            with self._lock:
                if not self._values:
                    self._values.append(self._make())
        return self._values[0]

    def forget(self) -> None:
        """Make the value again on the next use."""
        with self._lock:
            self._values = []

    def _unlock(self) -> None:
        self._lock = threading.Lock()

"""A proxy before a storage server that puts down every request: how many, how many bytes, and how many round trips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from faulty_proxy import FaultyProxy, Trouble

ROWS = 40  # of the videos in the dataset that every backend has
_WAIT = 0.1  # seconds a reply is kept back: what is asked because of it comes later than what was asked beside it


@dataclass
class Spent:
    """What the requests since `Ledger.counted` began took.

    Attributes:
        requests: Their methods and paths, with the bytes that came.
        times: When each came, in seconds.
    """

    requests: list[tuple[str, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all replies' bodies."""
        return sum(size for _, size in self.requests)

    @property
    def trips(self) -> int:
        """Round trips: requests that came while one of the trip before was unanswered are of the same."""
        trips, first = 0, float("-inf")
        for one in sorted(self.times):
            if one >= first + _WAIT:
                trips, first = trips + 1, one
        return trips


class Ledger(FaultyProxy):
    """Forwards, slowly, and counts."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._spent = Spent()
        self._guard = threading.Lock()

    def next_for(self, method: str, path: str) -> Trouble:
        came = time.monotonic()

        def counted(handler: Any) -> None:
            status, headers, body = handler.ask()
            with self._guard:
                self._spent.requests.append((f"{method} {path} {handler.headers.get('Range')}", len(body)))
                self._spent.times.append(came)
            time.sleep(max(0.0, came + _WAIT - time.monotonic()))
            handler.give(status, headers, body)

        return counted

    @contextmanager
    def counted(self) -> Iterator[Spent]:
        """What the requests of the block took."""
        self._spent = spent = Spent()
        yield spent
        self._spent = Spent()


def least(ledger: Ledger, act: Callable[[], Any]) -> tuple[Any, Spent]:
    """What `act` gives, and what it took; on a machine that is busy the requests of one trip may look like two."""
    found = []
    for _ in range(3):
        with ledger.counted() as spent:
            result = act()
        found.append((result, spent))
    return min(found, key=lambda one: one[1].trips)

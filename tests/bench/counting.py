"""What a dataset asks of its storage, counted at the storage contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from reelbase.errors import ReelbaseError
from reelbase.registry import registry


@dataclass
class Asked:
    """Calls of a storage.

    Attributes:
        calls: Way to how often.
        misses: Calls that found nothing, or, with `if_absent`, something.
        read: Bytes that came.
        claimed: Bytes of the last object that was put "if absent" and won: a commit.
    """

    calls: dict[str, int] = field(default_factory=dict)
    misses: int = 0
    read: int = 0
    claimed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, way: str, args: tuple[Any, ...], options: dict[str, Any], answer: Any) -> None:
        """Count a call that returned."""
        with self._lock:
            self.calls[way] = self.calls.get(way, 0) + 1
            if way == "get":
                self.read += len(answer)
            if way == "get_ranges":
                self.read += sum(map(len, answer))
            if way == "put" and options.get("if_absent") and isinstance(args[1], bytes):
                self.claimed = len(args[1])

    def miss(self, way: str) -> None:
        """Count a call that raised."""
        with self._lock:
            self.calls[way] = self.calls.get(way, 0) + 1
            self.misses += 1

    def said(self) -> str:
        """In words."""
        calls = ", ".join(f"{times} {way}" for way, times in sorted(self.calls.items()))
        return f"{calls or 'none'}" + (f" ({self.misses} missed)" if self.misses else "")


@contextmanager
def counted(path: str) -> Iterator[Asked]:
    """Count what every storage of the class that serves `path` is asked meanwhile."""
    kind = type(registry().open_storage(path))
    asked, inside = Asked(), threading.local()
    ways = ("get", "get_ranges", "stat", "put", "delete", "list")
    before = {way: kind.__dict__.get(way) for way in ways}
    for way in ways:
        setattr(kind, way, _counting(getattr(kind, way), way, asked, inside))
    try:
        yield asked
    finally:
        for way, method in before.items():
            setattr(kind, way, method) if method else delattr(kind, way)


def _counting(method: Callable[..., Any], way: str, asked: Asked, inside: threading.local) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        if getattr(inside, "already", False):  # a method that is written with another is one call
            return method(self, *args, **options)
        inside.already = True
        try:
            answer = method(self, *args, **options)
        except ReelbaseError:
            asked.miss(way)
            raise
        finally:
            inside.already = False
        asked.add(way, args, options, answer)
        return answer

    return call

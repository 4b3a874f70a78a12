"""How many threads one call may use, as the caller sets it for its own thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_of_thread = threading.local()


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Let calls that this thread makes in the block use at most `count` threads; 0 means no limit of its own.

    A loader that decodes many clips at a time, one in each of its threads, sets 1.
    """
    before = getattr(_of_thread, "limit", 0)
    _of_thread.limit = count
    try:
        yield
    finally:
        _of_thread.limit = before


def thread_limit(configured: int = 0) -> int:
    """Return how many threads a call of this thread may use; 0 means as many as there are processors.

    Args:
        configured: What the configuration allows; 0 means no limit.
    """
    own = getattr(_of_thread, "limit", 0)
    return min(own, configured) if own and configured else own or configured

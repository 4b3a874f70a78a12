"""Removal of queries, which may hold signatures, from urllib3's log records of our requests."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_thread = threading.local()


class _Redacting(logging.Filter):
    """Removes queries from records of our own requests. Those of other users of urllib3 are not changed."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(_thread, "ours", False) and isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


_redacting = _Redacting()


@contextmanager
def redacted_logs() -> Iterator[None]:
    """Remove queries from what urllib3 logs in this thread during the block."""
    logging.getLogger("urllib3.connectionpool").addFilter(_redacting)  # has no effect if it is there already
    _thread.ours = True
    try:
        yield
    finally:
        _thread.ours = False

"""Keep queries, where signatures stand, out of what urllib3 logs of our requests."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_thread = threading.local()


class _Redacting(logging.Filter):
    """Other users of urllib3 in this process keep their logs as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(_thread, "ours", False) and isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


_redacting = _Redacting()


@contextmanager
def redacted_logs() -> Iterator[None]:
    """What this thread lets urllib3 log meanwhile has no query."""
    logging.getLogger("urllib3.connectionpool").addFilter(_redacting)  # once: a second time changes nothing
    _thread.ours = True
    try:
        yield
    finally:
        _thread.ours = False

"""What other libraries log while they work for us is redacted.

At DEBUG, botocore logs the headers of requests with their session tokens, and the replies of the security token
service; urllib3 logs signed URLs. Only records made during `redacted_logs` are changed: those of a program that uses
the same libraries for itself are not. Where nothing is logged, nothing is searched.

A filter on a library's logger would not see the records of its children, and a library makes loggers whenever one of
its modules is imported. So records are redacted where all are made: in the factory of `logging`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from reelbase._util.secret_text import find_secrets, redact_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The credentials that are in use. Tasks and callbacks of an event loop inherit it from the thread that asks.
_used: ContextVar[tuple[Mapping[str, Any], ...] | None] = ContextVar("_used", default=None)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({})))
_formatter: Final = logging.Formatter()


@contextmanager
def redacted_logs(credentials: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Hide secrets in all that is logged by this thread, and by the tasks that it starts, during the block.

    Args:
        credentials: The fields in use, whose values are hidden wherever they stand. None if they are not known: then
            names and forms alone show what is secret.
    """
    if not isinstance(logging.getLogRecordFactory(), _RedactingFactory):  # each time: a program may have set its own
        logging.setLogRecordFactory(_RedactingFactory(logging.getLogRecordFactory()))
    token = _used.set((*(_used.get() or ()), *([credentials] if credentials else [])))
    try:
        yield
    finally:
        _used.reset(token)


class _RedactingFactory:
    """Makes records with another factory, and hides secrets in those that are made in a block of `redacted_logs`."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, name: str, *args: Any, **more: Any) -> logging.LogRecord:
        record = self._make(name, *args, **more)
        if _used.get() is not None:
            _redact(record)
            # The fields that a call gives as `extra` are added later; a filter of the logger is called after that.
            logging.getLogger(name).addFilter(_extras)  # has no effect if it is there already
        return record


class _ExtrasFilter(logging.Filter):
    """Hides secrets in the fields that a library adds to its records."""

    def filter(self, record: logging.LogRecord) -> bool:
        if (used := _used.get()) is not None:
            known = set(find_secrets(used))
            for name in vars(record).keys() - _STANDARD:
                shown = repr(getattr(record, name))
                if (redacted := redact_secrets(shown, known)) != shown:
                    setattr(record, name, redacted)
        return True


_extras: Final = _ExtrasFilter()


def _redact(record: logging.LogRecord) -> None:
    """Rewrite a record that has a secret in its message, its arguments or its traceback."""
    known = set(find_secrets(_used.get()))
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - a format that does not fit its arguments is reported by the handlers
        message = str(record.msg)
    arguments = repr(record.args)
    redacted, safe_arguments = redact_secrets(message, known), redact_secrets(arguments, known)
    if safe_arguments != arguments and (redacted == message or isinstance(record.args, Mapping)):
        # Their names show that they are secret, and the message may have the values without the names.
        redacted = f"{record.msg} {safe_arguments}"
    if redacted != message:
        record.msg, record.args = redacted, ()
    if record.exc_info and record.exc_info[0] is not None:
        text = _formatter.formatException(record.exc_info)
        if (redacted := redact_secrets(text, known)) != text:
            record.exc_info, record.exc_text = None, redacted
    if record.stack_info:
        record.stack_info = redact_secrets(record.stack_info, known)

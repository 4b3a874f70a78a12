"""Trying again what may work the next time: with growing, random pauses, as long as a service asks, to a deadline.

Pauses are "full jitter": uniform up to a bound that doubles (Marc Brooker, "Exponential Backoff And Jitter", 2015).
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, TypeVar

from reelbase.errors import StorageError, StorageTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

Result = TypeVar("Result")

FIRST_WAIT_SECONDS: Final = 0.1
MAX_WAIT_SECONDS: Final = 10.0


class Transient(Exception):  # noqa: N818 - says of another error that it may pass
    """An error that may not come again.

    Args:
        error: What the caller gets if it does.
        after: Seconds for which the service asked not to be asked.
    """

    def __init__(self, error: StorageError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to try.

    Attributes:
        tries: At most.
        deadline: Seconds for all of them together.
    """

    tries: int = 6
    deadline: float = 120.0

    def call(self, once: Callable[[float], Result]) -> Result:
        """Call `once` with the seconds that are left, again after each `Transient`, and give what it gives.

        Raises:
            StorageError: that of the last `Transient`; StorageTimeoutError if a wait would have ended too late.
        """
        from tenacity import RetryError, Retrying, retry_if_exception_type

        end = time.monotonic() + self.deadline

        def ends(state: RetryCallState) -> bool:
            return state.attempt_number >= self.tries or time.monotonic() + state.upcoming_sleep > end

        tries = Retrying(retry=retry_if_exception_type(Transient), stop=ends, wait=_pause)
        try:
            return tries(lambda: once(max(0.001, end - time.monotonic())))
        except RetryError as failed:
            last = failed.last_attempt.exception()
            assert isinstance(last, Transient)  # noqa: S101 - nothing else is tried again
            raise _said(last, self) from last.error.__cause__


def _pause(state: RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    after = error.after if isinstance(error, Transient) else None
    jitter = random.uniform(0, min(MAX_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**state.attempt_number))  # noqa: S311 - no secret
    return jitter if after is None else after + min(jitter, 1.0)


def _said(last: Transient, patience: RetryPolicy) -> StorageError:
    """The last error; or that the service wants to be left alone for longer than anybody waits."""
    if last.after is None or last.after < patience.deadline:
        return last.error
    first = str(last.error).splitlines()[0]
    return StorageTimeoutError(
        f"{first} It asks to wait {last.after:.0f} s, and one call may take {patience.deadline:.0f} s.",
        "Try again then, or raise the option deadline of this storage.",
    )


def retry_after(value: str | None) -> float | None:
    """Seconds from a ``Retry-After`` header (RFC 9110, 10.2.3): a number or a date; None if it says nothing."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None

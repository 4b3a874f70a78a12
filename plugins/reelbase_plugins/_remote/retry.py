"""Retries of requests that may succeed the next time, with growing, random pauses, up to a deadline.

Pauses use "full jitter": uniform up to a bound that doubles (Marc Brooker, "Exponential Backoff And Jitter", 2015). If
the service asks for a pause with ``Retry-After``, it gets at least that.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reelbase.errors import StorageError, StorageTimeoutError
from reelbase.plugin import redacted_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenacity import RetryCallState

Result = TypeVar("Result")

FIRST_WAIT_SECONDS: Final = 0.1
MAX_WAIT_SECONDS: Final = 10.0


class Transient(Exception):  # noqa: N818 - wraps another error, which is the one that users see
    """A failure that may pass, so the request is tried again.

    Args:
        error: Error to raise if the last try fails as well.
        after: Seconds to wait that the service asked for; None if it did not.
    """

    def __init__(self, error: StorageError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long a request is tried.

    Attributes:
        tries: Highest number of tries.
        deadline: Seconds for all tries together.
        credentials: Fields of the credentials that requests are sent with; no library's log shows their values.
    """

    tries: int = 6
    deadline: float = 120.0
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)

    def call(self, once: Callable[[float], Result]) -> Result:
        """Call `once` and return its result. If it raises a `Transient`, wait and call it again.

        Args:
            once: Makes one try. It is passed the seconds that are left until the deadline.

        Raises:
            StorageError: the error of the last `Transient`; a StorageTimeoutError if the service asks for a longer
                pause than the deadline allows.
        """
        from tenacity import RetryError, Retrying, retry_if_exception_type

        end = time.monotonic() + self.deadline

        def ends(state: RetryCallState) -> bool:
            return state.attempt_number >= self.tries or time.monotonic() + state.upcoming_sleep > end

        tries = Retrying(retry=retry_if_exception_type(Transient), stop=ends, wait=_compute_pause)
        try:
            with redacted_logs(self.credentials):
                # Always above 0: urllib3 refuses a timeout of 0.
                return tries(lambda: once(max(0.001, end - time.monotonic())))
        except RetryError as failed:
            last = failed.last_attempt.exception()
            assert isinstance(last, Transient)  # noqa: S101 - nothing else is tried again
            raise _make_final_error(last, self) from last.error.__cause__


def _compute_pause(state: RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    after = error.after if isinstance(error, Transient) else None
    jitter = random.uniform(0, min(MAX_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**state.attempt_number))  # noqa: S311 - no secret
    # Some jitter is added to Retry-After too, so that many clients do not all return at the same moment.
    return jitter if after is None else after + min(jitter, 1.0)


def _make_final_error(last: Transient, policy: RetryPolicy) -> StorageError:
    """Return the error of the last try, or say that the service asks for a longer pause than the deadline."""
    if last.after is None or last.after < policy.deadline:
        return last.error
    first = str(last.error).splitlines()[0]
    return StorageTimeoutError(
        f"{first} It asks to wait {last.after:.0f} s, and one call may take {policy.deadline:.0f} s.",
        "Try again then, or raise the option deadline of this storage.",
    )


def retry_after(value: str | None) -> float | None:
    """Parse a ``Retry-After`` header (RFC 9110, 10.2.3), a number of seconds or a date, to seconds from now.

    Returns:
        None if the header is absent or invalid.
    """
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None

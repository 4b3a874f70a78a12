"""Trying again: how often, how long, and what is said in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reelbase.errors import StorageError, StorageTimeoutError, ThrottledError
from reelbase_plugins._remote.retry import RetryPolicy, Transient, retry_after


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


def failing(times: int, after: float | None = None) -> Callable[[float], str]:
    left = [times]

    def once(seconds: float) -> str:
        assert seconds > 0
        left[0] -= 1
        if left[0] >= 0:
            raise Transient(ThrottledError(f"busy {left[0]}", "wait"), after)
        return "done"

    return once


def test_until_it_works(clock: Clock) -> None:
    assert RetryPolicy(tries=6).call(failing(5)) == "done"
    assert len(clock.slept) == 5
    assert all(0 <= pause <= 0.1 * 2**n for n, pause in enumerate(clock.slept, 1))


def test_the_last_error_is_given(clock: Clock) -> None:
    with pytest.raises(ThrottledError, match="busy 7"):
        RetryPolicy(tries=3).call(failing(10))
    assert len(clock.slept) == 2


def test_other_errors_are_not_tried_again(clock: Clock) -> None:
    def once(_: float) -> None:
        raise StorageError("no", "never")

    with pytest.raises(StorageError, match="no"):
        RetryPolicy().call(once)
    assert clock.slept == []


def test_a_service_may_ask_to_wait(clock: Clock) -> None:
    assert RetryPolicy(tries=3, deadline=60).call(failing(2, after=7)) == "done"
    assert all(7 <= pause <= 8 for pause in clock.slept)


def test_nobody_waits_past_the_deadline(clock: Clock) -> None:
    with pytest.raises(ThrottledError):
        RetryPolicy(tries=100, deadline=10).call(failing(100, after=4))
    assert clock.now <= 10
    with pytest.raises(StorageTimeoutError, match="to wait 3600 s, and one call may take 60 s"):
        RetryPolicy(deadline=60).call(failing(9, after=3600))
    assert clock.now <= 10


def test_retry_after() -> None:
    assert retry_after("120") == 120
    assert retry_after(None) is None
    assert retry_after("soon") is None
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < retry_after(date) <= 30  # type: ignore[operator]
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0

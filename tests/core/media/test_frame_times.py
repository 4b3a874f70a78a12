"""Times in seconds and the frame that is shown at a time, against brute force over rational numbers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reelbase.errors import SampleIndexError, UsageError
from reelbase.media.frame_index import FrameIndex, Trust
from reelbase.media.frame_times import ShownFrames, to_seconds

TIME_BASES = (
    *(Fraction(1, n) for n in (1, 24, 25, 90000, 15360, 30000, 1000, 44100, 10**6, 10**9)),
    Fraction(1001, 30000), Fraction(1001, 24000), Fraction(7, 3), Fraction(1, 3 * 10**7),
)  # fmt: skip
NOW = 1_790_000_000  # seconds since 1970


@dataclass(frozen=True)
class Shown:
    """Frames and their exact times."""

    frames: ShownFrames
    exact: list[Fraction]
    end: Fraction


@st.composite
def shown(draw: st.DrawFn, *, distinct: bool = False) -> Shown:
    """Frames in any time base: from 0, from before 0, from 1970, or from anywhere in 62 bits."""
    base = draw(
        st.one_of(st.sampled_from(TIME_BASES), st.builds(Fraction, st.integers(1, 2**31), st.integers(1, 2**31)))
    )
    far = min(2**62, int(2**40 / base))
    start = draw(st.one_of(st.integers(-100, 100), st.just(min(int(NOW / base), 2**62)), st.integers(-far, far)))
    gaps = draw(st.lists(st.integers(1 if distinct else 0, 5000), max_size=12))
    times = np.cumsum([0, *gaps]) + start
    end = int(times[-1]) + draw(st.integers(1, 5000))
    return Shown(ShownFrames(times, end, base), [int(tick) * base for tick in times], end * base)


def last_at(exact: list[Fraction], time: Fraction) -> int:
    return max(number for number, one in enumerate(exact) if one <= time)


@given(shown())
def test_seconds_are_the_nearest_float64(case: Shown) -> None:
    found = to_seconds(case.frames.times, case.frames.time_base)
    assert found.dtype == np.float64
    assert found.tolist() == [float(one) for one in case.exact]


@given(shown())
def test_every_timestamp_finds_its_frame(case: Shown) -> None:
    stamps = to_seconds(case.frames.times, case.frames.time_base)
    assume(len(set(stamps.tolist())) == len(set(case.exact)))  # nanoseconds since 1970 have no float64 of their own
    expected = [last_at(case.exact, one) for one in case.exact]
    assert case.frames.find(stamps).tolist() == expected
    assert case.frames.find(np.array(case.exact, object)).tolist() == expected


@given(shown(), st.data())
def test_any_fraction_finds_what_is_shown(case: Shown, data: st.DataObject) -> None:
    time = data.draw(st.fractions(case.exact[0] - 1, case.end + 1))
    if case.exact[0] <= time < case.end:
        assert case.frames.find(np.array([time, None])[:1]).tolist() == [last_at(case.exact, time)]
    else:
        with pytest.raises(SampleIndexError, match="No frame is shown at"):
            case.frames.find(np.array([time, None])[:1])


@given(shown(distinct=True), st.data())
def test_any_float_finds_what_is_shown(case: Shown, data: st.DataObject) -> None:
    stamps = [float(one) for one in case.exact]
    assume(len(set(stamps)) == len(stamps) and stamps[-1] < float(case.end))
    time = data.draw(st.floats(stamps[0], float(case.end), exclude_max=True))
    expected = max(number for number, one in enumerate(stamps) if one <= time)
    assert case.frames.find(np.array([time])).tolist() == [expected]


@given(shown(distinct=True), st.integers(0, 4), st.data())
def test_rounded_times_find_their_frame_with_a_tolerance(case: Shown, digits: int, data: st.DataObject) -> None:
    half = Fraction(1, 2 * 10**digits)
    number = data.draw(st.integers(0, len(case.exact) - 1))
    rounded = round(case.exact[number], digits)
    near = [one for one in case.exact if abs(one - rounded) <= half]
    wanted = np.array([Fraction(rounded), None])[:1]
    if len(near) == 1:
        assert case.frames.find(wanted, half).tolist() == [number]
    else:
        with pytest.raises(UsageError, match=f"{len(near)} frames begin within"):
            case.frames.find(wanted, half)


@given(st.sampled_from(TIME_BASES), st.integers(0, 10**6), st.sampled_from(["float16", "float32"]))
def test_float32_finds_its_frame_or_says_that_it_is_of_several(base: Fraction, start: int, kind: str) -> None:
    times = np.arange(start, start + 40)
    frames = ShownFrames(times, start + 40, base)
    with np.errstate(over="ignore"):
        stamps = to_seconds(times, base).astype(kind)
    assume(np.isfinite(stamps).all())
    for number, stamp in enumerate(stamps):
        if (stamps == stamp).sum() > 1:
            with pytest.raises(UsageError, match=f"rounded to {kind}, is the time of"):
                frames.find(stamp.reshape(1))
        else:
            assert frames.find(stamp.reshape(1)).tolist() == [number]


def test_a_clock_that_counts_from_1970() -> None:
    frames = ShownFrames(NOW * 90000 + 3600 * np.arange(90), NOW * 90000 + 3600 * 90, Fraction(1, 90000))
    stamps = to_seconds(frames.times, frames.time_base)
    assert frames.find(stamps).tolist() == list(range(90))
    assert frames.find(stamps + 0.02).tolist() == list(range(90))
    with pytest.raises(UsageError, match="is the time of 90 frames"):
        frames.find(stamps[:1].astype(np.float32))
    for outside in (stamps[0] - 0.001, stamps[-1] + 0.0401):
        with pytest.raises(SampleIndexError, match="No frame is shown at"):
            frames.find(np.array([outside]))


@pytest.mark.parametrize(
    "rate", [Fraction(30000, 1001), Fraction(24), Fraction(25), Fraction(30), Fraction(60), Fraction(80)]
)
def test_times_of_a_table_rounded_to_milliseconds(rate: Fraction) -> None:
    base = 1 / (rate * 512)
    frames = ShownFrames(512 * np.arange(20_000), 512 * 20_000, base)
    stamps = to_seconds(frames.times, base)
    rounded = np.array([float(f"{stamp:.3f}") for stamp in stamps])
    assert frames.find(rounded, Fraction(0.0005)).tolist() == list(range(20_000))
    before = frames.find(np.maximum(rounded, 0)) < np.arange(20_000)
    assert before.any() == (rate != 25), "without a tolerance, a time rounded down is of the frame before"


def test_decimal_and_fractions_are_exact() -> None:
    frames = ShownFrames(np.arange(4), 4, Fraction(1, 3))
    assert frames.find(np.array([Fraction(Decimal("0.333")), Fraction(1, 3)], object)).tolist() == [0, 1]


def index(times: list[int], end: int) -> FrameIndex:
    n = len(times)
    column, numbers = np.zeros(n, np.int64), np.arange(n)
    stamps = np.array(times, np.int64)
    return FrameIndex(
        column, column, stamps, np.zeros(n, np.uint8), numbers, stamps, end, Fraction(1, 25), Trust.FULL, {}
    )


@pytest.mark.parametrize(
    ("selected", "until"),
    [(range(40), 40), (range(10, 20), 20), (range(0, 40, 5), 40), (range(3, 30, 5), 33), ([7], 8), ([0, 4], 8)],
)
def test_a_selection_ends_where_its_last_frame_ends(selected: range, until: int) -> None:
    frames = np.array(selected)
    shown_frames = index(list(range(40)), 40).show(frames)
    assert shown_frames.end == until
    assert shown_frames.find(np.array([(until - 0.01) / 25])).tolist() == [len(frames) - 1]
    with pytest.raises(SampleIndexError, match=f"up to {until / 25!r} s"):
        shown_frames.find(np.array([until / 25]))


def test_times_that_go_back_are_an_error_that_says_so() -> None:
    video = index([0, 1, 2, 0, 1, 2], 3)
    with pytest.raises(SampleIndexError, match=r"go back: frame 2 is shown at 0.08 s, frame 3 at 0.0 s"):
        video.show(np.arange(6))
    assert video.show(np.arange(3)).find(np.array([0.05])).tolist() == [1]
    assert video.show(np.arange(3, 6)).find(np.array([0.05])).tolist() == [1]
    with pytest.raises(SampleIndexError, match="in the order they are shown"):
        video.show(np.array([2, 1]))
    with pytest.raises(SampleIndexError, match="in the order they are shown"):
        video.show(np.array([], np.int64))

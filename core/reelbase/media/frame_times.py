"""Times of frames in seconds, and the frame that is shown at a time. Exact, and pure.

The times of frames are integers in units of a time base. Seconds are compared with them in the precision in which
they were given: a float64 equals the time of a frame if it is the float64 nearest to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import SampleIndexError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

_MAX_EXACT: Final = 1 << 53  #: integers up to here are exact as float64
_INT64: Final = np.iinfo(np.int64)
_MAX_TOLERANCE: Final = Fraction(10**300)  #: seconds; further is everything anyway, and no float64


def to_seconds(ticks: Ints, time_base: Fraction) -> Floats:
    """Times in seconds: the float64 nearest to each exact value, the same shape as `ticks`.

    Args:
        ticks: int64 times in units of `time_base`.
        time_base: Seconds per unit.
    """
    numerator, denominator = time_base.numerator, time_base.denominator
    # Python's integers have no overflow. Where the product is exact, the division is the only rounding.
    largest = max(abs(int(ticks.min())), abs(int(ticks.max()))) * numerator if ticks.size else 0
    if largest <= _MAX_EXACT and denominator <= _MAX_EXACT:
        return ticks * np.int64(numerator) / np.float64(denominator)
    exact = [tick * numerator / denominator for tick in ticks.reshape(-1).tolist()]
    return np.array(exact, np.float64).reshape(ticks.shape)


@dataclass(frozen=True)
class ShownFrames:
    """Frames in the order in which they are shown.

    Args:
        times: int64 ``(N,)``, ascending: when each frame is shown, in units of `time_base`. Of frames with equal times
            the last one is shown.
        end: When the last frame ends, in units of `time_base`.
        time_base: Seconds per unit.
    """

    times: Ints
    end: int
    time_base: Fraction

    def find(self, seconds: NDArray[Any], tolerance: Fraction = Fraction(0)) -> Ints:
        """Find the frame that is shown at each time.

        Args:
            seconds: ``(M,)`` of float64, of float32 or float16 (each stands for all times that round to it), or of
                `Fraction` objects.
            tolerance: Seconds by which the given times may differ from the times of frames. A frame that begins within
                it is the frame that is meant.

        Returns:
            int64 ``(M,)``: positions in `times`.

        Raises:
            SampleIndexError: no frame is shown at one of the times.
            UsageError: one of the times could be that of several frames.
        """
        if seconds.dtype == object:
            first, after, is_late = self._find_exact(seconds, tolerance)
        else:
            first, after, is_late = self._find_rounded(seconds, tolerance)
        begins = after > first
        is_outside = (after == 0) | (is_late & ~begins)
        if is_outside.any():
            raise self._outside(seconds[is_outside][0])
        is_ambiguous = begins & (self.times[np.minimum(first, len(self.times) - 1)] != self.times[after - 1])
        if is_ambiguous.any():
            number = int(np.flatnonzero(is_ambiguous)[0])
            raise _ambiguous(seconds[number], seconds.dtype, tolerance, int(after[number] - first[number]))
        return after - 1

    def _find_rounded(self, seconds: NDArray[Any], tolerance: Fraction) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """For each float: the first frame and one past the last that begin within tolerance; whether it is the end."""
        shown, end = (to_seconds(ticks, self.time_base) for ticks in (self.times, np.array(self.end)))
        wanted = seconds.astype(np.float64)
        if tolerance:
            reach = float(min(tolerance, _MAX_TOLERANCE)) + np.zeros(len(seconds))
            if seconds.dtype.itemsize < wanted.dtype.itemsize:
                reach += np.spacing(np.abs(seconds)) / 2  # each may be rounded from any time in between
            # Sum and difference are rounded too. That must not put a frame at just the tolerance out of reach.
            reach += 2 * np.spacing(np.abs(wanted) + reach)
            low, high = wanted - reach, wanted + reach
        else:
            low = high = seconds
            shown, end = _round(shown, seconds.dtype), _round(end, seconds.dtype)
        first = np.searchsorted(shown, low, side="left")
        after = np.searchsorted(shown, high, side="right")
        invalid = ~np.isfinite(wanted)
        return np.where(invalid, 0, first), np.where(invalid, 0, after), seconds >= end

    def _find_exact(self, seconds: NDArray[Any], tolerance: Fraction) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """The same for fractions, in whole ticks."""
        base = self.time_base
        lowest = [-((tolerance - second) // base) for second in seconds]
        highest = [(second + tolerance) // base for second in seconds]
        first = np.searchsorted(self.times, _clip(lowest), side="left")
        after = np.searchsorted(self.times, _clip(highest), side="right")
        return first, after, np.array([second >= self.end * base for second in seconds], bool)

    def _outside(self, second: Any) -> SampleIndexError:
        start, end = to_seconds(np.array([self.times[0], self.end]), self.time_base).tolist()
        return SampleIndexError(
            f"No frame is shown at {_show(second)} s.", f"These frames are shown from {start!r} s up to {end!r} s."
        )


def _round(seconds: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # what float16 cannot hold is infinite, and found by no time
        return seconds.astype(dtype)


def _clip(numbers: list[int]) -> Ints:
    return np.array([min(max(number, _INT64.min), _INT64.max) for number in numbers], np.int64)


def _show(seconds: Any) -> str:
    """Return a time for messages; a fraction may be larger than any float."""
    try:
        return f"{float(seconds)!r}"
    except OverflowError:
        return "more than 1e308"


def _ambiguous(second: Any, dtype: np.dtype[Any], tolerance: Fraction, count: int) -> UsageError:
    if tolerance:
        return UsageError(
            f"{count} frames begin within {_show(tolerance)} s of {_show(second)} s.",
            "Pass a smaller tolerance, or times that are more exact.",
        )
    return UsageError(
        f"{_show(second)} s, rounded to {dtype}, is the time of {count} frames.",
        "Pass times in float64, as .timestamps gives them, or Fractions.",
    )

"""When each frame is shown: the times of the packets, on one clock that does not go back.

Files that were joined, and recordings whose source started again, hold several clocks one after another. Players let
the new clock continue the old one, and so does this module: the first frame of a new clock is shown when the last frame
of the old one ends. Times that go back without such a clear start are left as they are, so that whoever compares them
can see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase_plugins.video.demux.packets import NO_TIME

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from reelbase.plugin import FrameIndex
    from reelbase_plugins.video.demux.packets import Table
    from reelbase_plugins.video.indexing.build import StreamFacts

    Ints = NDArray[np.int64]

_MAX_FRAMES_OUT_OF_ORDER: Final = 32  # in the times of a container; H.264 and HEVC reorder by 16 at most
#: A clock that goes back by fewer frames is not taken for a new one: the times of some writers are that far off.
_MIN_FRAMES_BACK: Final = 4
#: Frames before and after a start that have to be on a clock of their own.
_FRAMES_COMPARED: Final = 16


@dataclass(frozen=True)
class FrameTimes:
    """When the frames of a video are shown.

    Attributes:
        times: int64 ``(frames,)``: presentation times in time base units.
        end: When the last frame ends.
        source: What the times were made from: "presentation" times, "decoding" times, the frame "rate", or
            "presentation and rate" where some presentation times are missing.
        restarts: How many times a new clock starts in the file.
        reordered: How many frames got another time than that of their packet, because times were out of order.
    """

    times: Ints
    end: int
    source: str
    restarts: int = 0
    reordered: int = 0


def compute_times(table: Table, display: Ints, facts: StreamFacts) -> FrameTimes:
    """Compute when each frame is shown and when the last one ends.

    Args:
        table: The packets.
        display: Frame number to packet number, in the order in which frames come out.
        facts: What the container states; its `step` is the duration of frames without times.
    """
    if not len(display):
        return FrameTimes(display.copy(), 0, "rate")
    step = facts.step
    pts, dts = _unwrap(table, facts.clock_bits)
    if facts.decoding_times and (dts[display] != NO_TIME).all():
        times, source, restarts, reordered = np.sort(dts[display]), "decoding", 0, 0
    else:
        starts, are_clear = _find_restarts(table, pts, dts, facts)
        clocks = np.searchsorted(starts, display, side="right")
        if (np.diff(clocks) < 0).any():  # the decoder mixed frames of two clocks
            clocks, are_clear = np.zeros(len(display), np.int64), False
        edges = np.flatnonzero(np.diff(clocks)) + 1
        chosen = [_choose_times(pts[part], dts[part], step) for part in np.split(display, edges)]
        parts = [_sort_if_near(times, step) if are_clear else times for times, _ in chosen]
        times, source = _join(parts, np.split(table.duration[display], edges), step), chosen[0][1]
        restarts = len(edges)
        reordered = sum(int((a != b).sum()) for a, (b, _) in zip(parts, chosen, strict=True))
    last_duration = int(table.duration[display[-1]])
    if last_duration <= 0 and len(times) > 1:
        last_duration = int(times[-1] - times[-2])
    end = int(times[-1]) + (last_duration if last_duration > 0 else max(1, round(step)))
    return FrameTimes(times, end, source, restarts, reordered)


def describe_times(table: Table, index: FrameIndex, facts: StreamFacts) -> dict[str, Any]:
    """Describe times, with the names of ``sample_info``; counts of what is odd are left out if it does not occur."""
    known = compute_times(table, index.display, facts)
    described: dict[str, Any] = {
        "declared_fps": float(facts.rate) if facts.rate else None,
        "times_from": known.source,
    }
    odd = {
        "clock_restarts": known.restarts,
        "times_reordered": known.reordered,
        "times_go_back": int((np.diff(index.times) < 0).sum()),
    }
    return described | {name: count for name, count in odd.items() if count}


def _unwrap(table: Table, bits: int | None) -> tuple[Ints, Ints]:
    """Return presentation and decoding times, counted on where a clock of `bits` bits has started again from 0."""
    pts, dts = table.pts, table.dts
    clock = np.where(dts == NO_TIME, pts, dts)
    known = np.flatnonzero(clock != NO_TIME)
    if bits is None or not len(known):
        return pts, dts
    period = 1 << bits
    turns = np.concatenate([[0], np.cumsum(-((np.diff(clock[known]) + period // 2) // period))])
    counted = clock.copy()
    counted[known] += turns * period
    ahead = (pts - clock + period // 2) % period - period // 2  # of a packet that has both times
    both = counted + ahead
    timed = np.flatnonzero(pts != NO_TIME)
    moved = both[timed[0]] - pts[timed[0]] if len(timed) else 0  # the first time stays as it is
    return np.where(pts == NO_TIME, NO_TIME, both - moved), np.where(dts == NO_TIME, NO_TIME, counted - moved)


def _find_restarts(table: Table, pts: Ints, dts: Ints, facts: StreamFacts) -> tuple[Ints, bool]:
    """Find the packets at which a new clock starts.

    A key frame that is to be shown before a frame that was already decoded starts a new clock: in one clock, all frames
    before a key frame are shown before it. Where the container stores decoding times, they do not go back either.

    Returns:
        Packet numbers; and whether the clocks before and after each of them are clearly two. If they are not, no
        packets are returned: one wrong time is not a new clock.
    """
    times = pts if (pts != NO_TIME).any() else dts
    packets = np.flatnonzero((times != NO_TIME) & ~table.discard)
    times, keys = times[packets], table.key[packets]
    dts = dts[packets] if facts.clock_bits is not None else np.full(len(packets), NO_TIME)
    none = np.zeros(0, np.int64)
    is_back = times[keys] < np.maximum.accumulate(times)[keys]
    if not is_back.any() and not (np.diff(dts[dts != NO_TIME]) < 0).any():
        return none, True
    step = _estimate_step(times, facts.step)
    found = _walk(times.tolist(), dts.tolist(), keys.tolist(), step)
    edges = [0, *found, len(times)]
    for before, start, after in zip(edges[:-2], found, edges[2:], strict=True):
        if not _are_two_clocks(times[before:start], times[start:after], step):
            return none, False
    return packets[found] if found else none, True


def _estimate_step(times: Ints, step: Fraction) -> float:
    """Return the duration of a frame in time base units: the nominal one may be many times too long."""
    gaps = np.diff(np.unique(times))
    return max(1.0, min(float(step), float(np.median(gaps)))) if len(gaps) else float(step)


def _walk(times: list[int], dts: list[int], keys: list[bool], step: float) -> list[int]:
    found = []
    latest, latest_dts = times[0], dts[0]
    for number, (time, decoded, is_key) in enumerate(zip(times, dts, keys, strict=True)):
        is_back = is_key and latest - time >= _MIN_FRAMES_BACK * step
        is_back |= decoded != NO_TIME and latest_dts - decoded > _MAX_FRAMES_OUT_OF_ORDER * step
        if is_back:
            found.append(number)
            latest, latest_dts = time, decoded
        latest, latest_dts = max(latest, time), max(latest_dts, decoded)
    return found


def _are_two_clocks(before: Ints, after: Ints, step: float) -> bool:
    """Return True if the times around a start are steady; False if one of them may just be wrong."""
    latest, earliest = before.max(), after.min()
    far = 2 * _FRAMES_COMPARED  # in decode order, the last of them may be ahead of frames that follow
    before, after = np.sort(before[-far:])[-_FRAMES_COMPARED:], np.sort(after[:far])[:_FRAMES_COMPARED]
    if min(len(before), len(after)) < _MIN_FRAMES_BACK or before[-1] != latest or after[0] != earliest:
        return False
    largest_gap = max(np.diff(before).max(), np.diff(after).max())
    return bool(largest_gap <= max(before[-1] - after[0], _MIN_FRAMES_BACK * step) / 2)


def _choose_times(pts: Ints, dts: Ints, step: Fraction) -> tuple[Ints, str]:
    """Return presentation times; or sorted decoding times, if presentation times are missing or out of order.

    Args:
        pts: Presentation times of frames of one clock, in the order in which they are shown.
        dts: Decoding times of the same frames.
        step: Nominal duration of a frame.
    """
    known = pts[pts != NO_TIME]
    if len(known) < len(pts) and (dts != NO_TIME).all() and (not len(known) or (np.diff(known) < 0).any()):
        return np.sort(dts), "decoding"
    source = "presentation" if len(known) == len(pts) else "presentation and rate" if len(known) else "rate"
    return _fill_missing(pts, step), source


def _sort_if_near(times: Ints, step: Fraction) -> Ints:
    """Sort times that are out of order among near frames only (some AVI, ASF and MXF writers), as players do.

    Frames that are far off and would share a time are more likely of two clocks than out of order.
    """
    ordered = np.sort(times)
    is_unique = (np.diff(ordered) > 0).all()
    limit = _MAX_FRAMES_OUT_OF_ORDER if is_unique else _MIN_FRAMES_BACK
    return ordered if np.abs(ordered - times).max() <= limit * step else times


def _fill_missing(times: Ints, step: Fraction) -> Ints:
    """Fill in missing times, by counting on from the last known time before."""
    known = np.flatnonzero(times != NO_TIME)
    if len(known) == len(times):
        return times
    numbers = np.arange(len(times))
    if not len(known):
        return np.array([round(number * step) for number in numbers.tolist()], np.int64)
    last_known = known[np.maximum(np.searchsorted(known, numbers, side="right") - 1, 0)]
    counted = [
        int(times[known_at]) + round((number - known_at) * step)
        for number, known_at in zip(numbers.tolist(), last_known.tolist(), strict=True)
    ]
    return np.array(counted, np.int64)


def _join(parts: list[Ints], durations: list[Ints], step: Fraction) -> Ints:
    """Join the times of several clocks: each starts when the last frame of the one before ends."""
    joined = [parts[0]]
    for part, lasted in zip(parts[1:], durations, strict=False):
        last = int(np.argmax(joined[-1]))
        duration = int(lasted[last]) if lasted[last] > 0 else max(1, round(step))
        joined.append(part - part.min() + joined[-1][last] + duration)
    return np.concatenate(joined)

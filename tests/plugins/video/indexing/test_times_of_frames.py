"""Times of frames from tables of packets: clocks that start again or run over, and times that are just wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase_plugins.video.demux.packets import NO_TIME, Table
from reelbase_plugins.video.indexing.build import StreamFacts
from reelbase_plugins.video.indexing.frame_times import FrameTimes, compute_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

STEP, BITS = 3600, 33
FACTS = StreamFacts(
    time_base=Fraction(1, 90000), rate=Fraction(25), reorders=True, intra_only=False, number=0, has_audio=False,
    aspect=None,
)  # fmt: skip
TRANSPORT = replace(FACTS, clock_bits=BITS)


@dataclass(frozen=True)
class Part:
    """Packets of one clock, in decode order: groups of I, P and B-frames."""

    start: int
    frames: int
    gop: int = 8
    bframes: int = 2
    key_first: bool = True
    step: int = STEP

    def packets(self) -> list[tuple[int, int, bool]]:
        """Frame number, decoding time in steps, and whether it is a key frame."""
        order: list[tuple[int, bool]] = []
        for first in range(0, self.frames, self.gop):
            last = min(first + self.gop, self.frames)
            order.append((first, self.key_first or first > 0))
            at = first + 1
            while at < last:
                ahead = min(at + self.bframes, last - 1)
                order += [(ahead, False), *((number, False) for number in range(at, ahead))]
                at = ahead + 1
        return [(number, at - self.bframes, is_key) for at, (number, is_key) in enumerate(order)]


def make_table(parts: list[Part], *, decoding: bool = True, bits: int | None = None) -> tuple[Table, Ints]:
    """A table of joined parts, and its frames in display order."""
    rows, display, count = [], [], 0
    for part in parts:
        packets = part.packets()
        rows += [(part.start + n * part.step, part.start + d * part.step, key) for n, d, key in packets]
        display += [count + at for at in np.argsort([n for n, _, _ in packets]).tolist()]
        count += len(packets)
    pts, dts = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    if bits is not None:
        pts, dts = pts % (1 << bits), dts % (1 << bits)
    zeros = np.zeros(len(rows), np.int64)
    table = Table(
        pos=zeros, size=zeros, pts=pts, dts=dts if decoding else np.full(len(rows), NO_TIME),
        duration=zeros + parts[0].step, key=np.array([row[2] for row in rows]), discard=zeros > 0, header_flags=zeros,
        crc=None, changes={}, x264_builds={}, repacked=False, unsafe=False, corrupt=0, error=None, has_alpha=False,
        alpha_crcs=[],
    )  # fmt: skip
    return table, np.array(display, np.int64)


def show(parts: list[Part], facts: StreamFacts = TRANSPORT, *, bits: int | None = BITS) -> FrameTimes:
    table, display = make_table(parts, bits=bits, decoding=facts.clock_bits is not None)
    return compute_times(table, display, facts)


@st.composite
def recordings(draw: st.DrawFn) -> list[Part]:
    """Parts that each begin before the one before them ended, by a second or more."""
    bframes, gop = draw(st.integers(0, 3)), draw(st.integers(4, 12))
    parts = [Part(draw(st.integers(0, 2**32)), draw(st.integers(40, 90)), gop, bframes)]
    for _ in range(draw(st.integers(0, 3))):
        end = parts[-1].start + parts[-1].frames * STEP
        back = draw(st.integers(25 * STEP, 2**32 - 100 * STEP))
        parts.append(Part(end - back, draw(st.integers(40, 90)), gop, bframes))
    return parts


@given(recordings(), st.booleans())
def test_clocks_that_start_again_are_joined(parts: list[Part], in_transport: bool) -> None:
    found = show(parts) if in_transport else show(parts, FACTS, bits=None)
    count = sum(part.frames for part in parts)
    assert np.array_equal(np.diff(found.times), np.full(count - 1, STEP))
    assert (found.restarts, found.reordered, found.source) == (len(parts) - 1, 0, "presentation")
    assert found.end == found.times[-1] + STEP


@given(st.integers(1, 6), st.integers(0, 3))
def test_a_clock_that_runs_over_counts_on(turns: int, bframes: int) -> None:
    step = (turns << BITS) // 900
    found = show([Part((1 << BITS) - 40 * step, 900, bframes=bframes, step=step)])
    assert np.array_equal(np.diff(found.times), np.full(899, step))
    assert found.restarts == 0


@given(recordings(), st.sampled_from(["early", "late"]), st.data())
def test_one_wrong_time_is_not_a_new_clock(parts: list[Part], kind: str, data: st.DataObject) -> None:
    part = parts[0]
    table, display = make_table([part])
    keys = np.flatnonzero(table.key)
    number = int(data.draw(st.sampled_from(keys[1:-1].tolist())))
    wrong = -(part.start + 10**6) if kind == "early" else 10**11
    for column in (table.pts, table.dts):
        column[number] += wrong
    found = compute_times(table, display, FACTS)
    assert (np.diff(found.times) < 0).sum() == 1, "left as they are, so that at() can refuse"
    right = np.delete(found.times, np.flatnonzero(display == number))
    assert np.array_equal(right, np.delete(part.start + STEP * np.arange(part.frames), number_of(display, number)))


def number_of(display: Ints, packet: int) -> int:
    return int(np.flatnonzero(display == packet)[0])


def test_a_stream_joined_in_the_middle_of_a_group() -> None:
    """No key frame starts the second part: the decoding times alone go back."""
    found = show([Part(10**6, 60), Part(5000, 60, key_first=False)])
    assert np.array_equal(np.diff(found.times), np.full(119, STEP))
    assert found.restarts == 1


def test_a_gap_is_kept() -> None:
    found = show([Part(0, 60), Part(10**9, 60)])
    assert found.times[60] == 10**9
    assert found.restarts == 0


def test_parts_too_short_to_be_sure_go_back() -> None:
    found = show([Part(10**7, 60), Part(0, 3)])
    assert (np.diff(found.times) < 0).sum() == 1
    assert found.restarts == 0


def test_parts_of_one_frame_rate_and_another() -> None:
    found = show([Part(0, 50), Part(0, 50, step=2 * STEP)])
    assert np.diff(found.times).tolist() == [STEP] * 50 + [2 * STEP] * 49


def test_rare_frames_with_b_frames_are_of_one_clock() -> None:
    """Far more than 32 nominal frames back, but B-frames: matroska gives no decoding times."""
    found = show([Part(0, 60, step=500 * STEP)], FACTS, bits=None)
    assert np.array_equal(found.times, 500 * STEP * np.arange(60))
    assert found.restarts == 0


@pytest.mark.parametrize("moved", [2, 3])
def test_times_that_are_a_little_out_of_order_are_sorted(moved: int) -> None:
    table, display = make_table([Part(0, 40, bframes=0)])
    table.pts[[10, 10 + moved]] = table.pts[[10 + moved, 10]]
    found = compute_times(table, display, FACTS)
    assert np.array_equal(found.times, STEP * np.arange(40))
    assert found.reordered == 2


def test_decoding_times_alone() -> None:
    table, display = make_table([Part(0, 40)])
    late = replace(table, pts=table.pts + STEP)
    found = compute_times(late, display, replace(FACTS, decoding_times=True))
    assert np.array_equal(found.times, np.sort(table.dts))
    assert found.source == "decoding"


@pytest.mark.parametrize(("missing", "source"), [(range(1, 60, 4), "presentation and rate"), (range(60), "rate")])
def test_missing_times_are_counted(missing: range, source: str) -> None:
    table, display = make_table([Part(0, 60, bframes=0)], decoding=False)
    table.pts[list(missing)] = NO_TIME
    found = compute_times(table, display, FACTS)
    assert np.array_equal(found.times, STEP * np.arange(60))
    assert found.source == source

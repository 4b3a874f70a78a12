"""The frame index: its plan against brute force, and its stored form."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase.errors import CorruptObjectError
from reelbase.media.frame_index import Flag, FrameIndex, Trust


@st.composite
def indexes(draw: st.DrawFn) -> FrameIndex:
    """A stream of GOPs: open and closed, with leading pictures, disposables, two-packet and hidden frames."""
    flags: list[int] = []
    pts: list[int] = []
    base = 0
    for gop in range(draw(st.integers(1, 4))):
        leading = draw(st.integers(0, 2)) if gop else 0
        follow = draw(st.integers(0, 5))
        fields = draw(st.booleans())
        shown = [(base + leading, Flag.RAP | Flag.KEY | (Flag.OPEN if leading else 0))]
        shown += [(base + k, Flag.LEADING | draw(st.sampled_from([0, Flag.DISPOSABLE]))) for k in range(leading)]
        order = draw(st.permutations(range(follow)))
        shown += [(base + leading + 1 + k, draw(st.sampled_from([0, Flag.DISPOSABLE, Flag.HIDDEN]))) for k in order]
        for time, flag in shown:
            pts.append(time)
            flags.append(flag)
            if fields:
                pts.append(time)
                flags.append(Flag.CONTINUES | (flag & (Flag.LEADING | Flag.DISPOSABLE)))
        base += leading + 1 + follow
    n = len(pts)
    bits = np.array(flags, np.uint8)
    times = np.array(pts, np.int64) * draw(st.integers(1, 1001)) + draw(st.integers(-5000, 5000))
    size = np.array(draw(st.lists(st.integers(0, 9000), min_size=n, max_size=n)), np.int64)
    pos = np.cumsum(size) - size + np.arange(n) * draw(st.integers(0, 50))
    order = np.argsort(times, kind="stable")
    display = order[(bits[order] & (Flag.HIDDEN | Flag.CONTINUES)) == 0]
    trust = draw(st.sampled_from([Trust.FULL, Trust.NO_SKIP, Trust.PREVIOUS, Trust.WHOLE]))
    return FrameIndex(
        pos, size, times, bits, display, times[display], int(times.max()) + 1, Fraction(1, 30000), trust, {"codec": "x"}
    )


@given(indexes(), st.data())
def test_plan_holds_what_decoding_needs(index: FrameIndex, data: st.DataObject) -> None:
    request = np.array(
        data.draw(st.lists(st.integers(0, max(len(index) - 1, 0)), max_size=8 if len(index) else 0)), np.int64
    )
    plan = index.plan(request)
    np.testing.assert_array_equal(plan.frames[plan.rows], request)
    came = [frame for run in plan.runs for frame in run.frames.tolist()]
    assert sorted(came) == sorted(set(request.tolist()))
    for run in plan.runs:
        np.testing.assert_array_equal(index.display[run.frames], run.wanted)
        assert (np.diff(run.packets) > 0).all()
        for packet in run.wanted.tolist():
            assert _needed(index, packet) <= set(run.packets.tolist())


def _needed(index: FrameIndex, packet: int) -> set[int]:
    """Packets a decoder needs for one packet's frame, one by one and without arithmetic."""
    raps = [k for k in range(len(index.pos)) if index.flags[k] & Flag.RAP and k <= packet] or [0]
    start = raps[-1]
    if index.flags[packet] & Flag.LEADING and len(raps) > 1:
        start = raps[-2]
    if index.trust == Trust.WHOLE:
        start = 0
    needed = set()
    dead = start > 0 and index.flags[start] & Flag.OPEN  # its leading pictures cannot be decoded from it
    group_skipped = False
    for k in range(start, len(index.pos)):
        if k > packet and not index.flags[k] & Flag.CONTINUES:
            break
        if k > start and index.flags[k] & Flag.RAP:
            dead = False
        if not index.flags[k] & Flag.CONTINUES:
            group_skipped = bool(index.flags[k] & Flag.DISPOSABLE) and k != packet
        if not group_skipped and not (dead and index.flags[k] & Flag.LEADING):
            needed.add(k)
    return needed


@given(indexes(), st.data())
def test_full_trust_skips_unwanted_disposables(index: FrameIndex, data: st.DataObject) -> None:
    if not len(index) or index.trust != Trust.FULL:
        return
    frame = data.draw(st.integers(0, len(index) - 1))
    plan = index.plan(np.array([frame]))
    (run,) = plan.runs
    wanted = set(run.wanted.tolist())
    for packet in run.packets.tolist():
        first = index.flags[packet] & Flag.CONTINUES == 0
        assert not (first and index.flags[packet] & Flag.DISPOSABLE) or packet in wanted


@given(indexes())
def test_round_trip(index: FrameIndex) -> None:
    again = FrameIndex.from_bytes(index.to_bytes())
    for name in ("pos", "size", "pts", "flags", "display", "times"):
        np.testing.assert_array_equal(getattr(again, name), getattr(index, name), err_msg=name)
    assert (again.end, again.time_base, again.trust, again.decoder, again.repacked) == (
        index.end, index.time_base, index.trust, index.decoder, index.repacked,
    )  # fmt: skip


@given(indexes(), st.data())
def test_damage_is_noticed_or_harmless(index: FrameIndex, data: st.DataObject) -> None:
    stored = bytearray(index.to_bytes())
    if data.draw(st.booleans()):
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del stored[data.draw(st.integers(0, len(stored) - 1)) :]
    try:
        again = FrameIndex.from_bytes(bytes(stored))
    except (CorruptObjectError, ValueError):
        return
    assert len(again.display) <= len(again.pos)


def test_a_bomb_is_refused() -> None:
    import struct
    import zlib

    stored = struct.pack("<4sII", b"RBF1", 100, 0xFFFFFFF0) + zlib.compress(bytes(1000))
    with pytest.raises(CorruptObjectError, match="claims"):
        FrameIndex.from_bytes(stored)


def test_seconds_are_rounded_once() -> None:
    times = np.array([2**45 + 1], np.int64)
    index = FrameIndex(
        np.zeros(1, np.int64), np.ones(1, np.int64), times, np.full(1, Flag.RAP, np.uint8), np.zeros(1, np.int64),
        times, 2**45 + 2, Fraction(1, 90000), Trust.FULL, {},
    )  # fmt: skip
    assert index.seconds(np.array([0]))[0] == float(Fraction(2**45 + 1, 90000))


@pytest.mark.parametrize("wrong", [{"time_base": Fraction(10**400)}, {"time_base": Fraction(-1, 25)}, {"end": 1 << 70}])
@given(index=indexes())
def test_units_that_no_file_has_are_damage(wrong: dict[str, Any], index: FrameIndex) -> None:
    with pytest.raises(CorruptObjectError, match="damaged"):
        FrameIndex.from_bytes(replace(index, **wrong).to_bytes())

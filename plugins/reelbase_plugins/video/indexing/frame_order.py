"""From a packet table to frames: which packets are shown, in which order, at which times, from where decodable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reelbase.plugin import Flag
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags
from reelbase_plugins.video.demux.packets import NO_TIME

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from reelbase_plugins.video.demux.packets import Table

    Ints = NDArray[np.int64]

_MIXED = 32  # frames; H.264 and HEVC reorder by 16 at most


@dataclass(frozen=True)
class Order:
    """Which packets are shown, in display order.

    Attributes:
        display: int64 ``(frames,)``: frame number to packet number.
        sure: the times alone leave no doubt; otherwise only decoding says.
    """

    display: Ints
    sure: bool


def by_times(table: Table, *, trusted: bool, reorders: bool) -> Order:
    """The order that presentation times give.

    Args:
        table: The packets.
        trusted: The container format stores presentation times for every frame.
        reorders: The codec may show frames in another order than they are stored.
    """
    hidden = table.discard | ((table.header_flags & (PacketFlags.HIDDEN | PacketFlags.CONTINUES)) != 0)
    shown = np.flatnonzero(~hidden)
    unsure = (
        bool((table.header_flags & PacketFlags.UNSURE).any())
        or table.unsafe
        or table.corrupt > 0
        or table.error is not None
    )
    if not reorders:
        return Order(shown, sure=not unsure)
    pts = table.pts[shown]
    display = shown[np.argsort(pts, kind="stable")]
    known = bool((pts != NO_TIME).all())
    unique = len(np.unique(pts)) == len(pts)
    return Order(display, sure=trusted and known and unique and not unsure and _advancing(table))


def _advancing(table: Table) -> bool:
    """Decoding times never go back and presentation never precedes decoding: no splice has mixed two clocks."""
    dts = table.dts[table.dts != NO_TIME]
    both = (table.dts != NO_TIME) & (table.pts != NO_TIME)
    return bool((np.diff(dts) >= 0).all() and (table.pts[both] >= table.dts[both]).all())


def packet_flags(table: Table, display: Ints, *, intra_only: bool, single: bool) -> NDArray[np.uint8]:
    """Return the bits of `Flag` for each packet.

    Args:
        table: The packets.
        display: Frame number to packet number.
        intra_only: Every packet of this codec stands alone.
        single: Only the first packet is a start, whatever the container says (GIF).
    """
    n = len(table)
    header_flags = table.header_flags
    continues = (header_flags & PacketFlags.CONTINUES) != 0
    continues[display] = False
    hidden = np.ones(n, bool)
    hidden[display] = False
    starts = _starts(table, intra_only=intra_only, single=single) & ~continues
    leading = _leading(starts, display, n)
    rap_of = np.maximum.accumulate(np.where(starts, np.arange(n), 0))
    closed = intra_only | ((header_flags & PacketFlags.CLOSED) != 0)
    has_leading = np.zeros(n, bool)
    has_leading[rap_of[leading]] = True
    opened = starts & has_leading & ~closed
    leading &= opened[rap_of]
    flags = np.zeros(n, np.uint8)
    for bit, where in (
        (Flag.KEY, table.key),
        (Flag.HIDDEN, hidden & ~continues),
        (Flag.DISPOSABLE, _disposable(table) & ~starts),
        (Flag.CONTINUES, continues),
        (Flag.RAP, starts),
        (Flag.OPEN, opened),
        (Flag.LEADING, leading),
    ):
        flags[where] |= bit
    return flags


def _starts(table: Table, *, intra_only: bool, single: bool) -> NDArray[np.bool_]:
    header_flags = table.header_flags
    starts: NDArray[np.bool_] = (table.key & ((header_flags & PacketFlags.NO_START) == 0)) | (
        (header_flags & (PacketFlags.START | PacketFlags.CLOSED)) != 0
    )
    if intra_only:
        starts[:] = True
    if single:
        starts[:] = False
    starts[:1] = True
    return starts


def _leading(starts: NDArray[np.bool_], display: Ints, n: int) -> NDArray[np.bool_]:
    """Shown packets that come before the last start in display, and after it in the file."""
    rank = np.full(n, -1, np.int64)
    rank[display] = np.arange(len(display))
    rap_of = np.maximum.accumulate(np.where(starts, np.arange(n), 0))
    leading: NDArray[np.bool_] = (rank >= 0) & (rank[rap_of] >= 0) & (rank < rank[rap_of])
    return leading


def _disposable(table: Table) -> NDArray[np.bool_]:
    """Marked so, and in the highest temporal layer: those below may serve the layers above."""
    layer = (table.header_flags >> PacketFlags.LAYER_SHIFT) & PacketFlags.LAYER_MASK
    top = layer.max(initial=0)
    disposable: NDArray[np.bool_] = ((table.header_flags & PacketFlags.DISPOSABLE) != 0) & (layer == top)
    return disposable


def times_of(table: Table, display: Ints, *, step: Fraction) -> tuple[Ints, int]:
    """When each frame is shown and when the last one ends, in time base units.

    Args:
        table: The packets.
        display: Frame number to packet number, in the order that frames come out.
        step: Length of a frame by the nominal rate, for frames without times.
    """
    if not len(display):
        return display.copy(), 0
    times = _in_order(_known(table, display, step), step)
    last = int(table.duration[display[-1]])
    if last <= 0 and len(times) > 1:
        last = int(times[-1] - times[-2])
    return times, int(times[-1]) + (last if last > 0 else max(1, round(step)))


def _known(table: Table, display: Ints, step: Fraction) -> Ints:
    """Presentation times; decoding times, in order, where those are missing or cannot be meant."""
    pts, dts = table.pts[display], table.dts[display]
    known = pts[pts != NO_TIME]
    if len(known) < len(pts) and (dts != NO_TIME).all() and (not len(known) or (np.diff(known) < 0).any()):
        return np.sort(dts)
    return _fill(pts, step)


def _in_order(times: Ints, step: Fraction) -> Ints:
    """Times that are only mixed up among near frames (some AVI, ASF and MXF writers), sorted as players would."""
    ordered = np.sort(times)
    return ordered if np.abs(ordered - times).max() <= _MIXED * step else times


def _fill(times: Ints, step: Fraction) -> Ints:
    """Missing times counted on from the last known one."""
    known = np.flatnonzero(times != NO_TIME)
    if len(known) == len(times):
        return times
    numbers = np.arange(len(times))
    if not len(known):
        return np.array([round(n * step) for n in numbers.tolist()], np.int64)
    base = known[np.maximum(np.searchsorted(known, numbers, side="right") - 1, 0)]
    counted = [int(times[b]) + round((n - b) * step) for n, b in zip(numbers.tolist(), base.tolist(), strict=True)]
    return np.array(counted, np.int64)

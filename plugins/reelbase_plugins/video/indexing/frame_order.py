"""The frames of a packet table: which packets are shown, in which order and when, and where decoding can start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reelbase.plugin import Flag
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags
from reelbase_plugins.video.demux.packets import NO_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase_plugins.video.demux.packets import Table

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """Which packets are shown, in display order.

    Attributes:
        display: int64 ``(frames,)``: frame number to packet number.
        is_certain: True if the times alone determine the order; otherwise the file has to be decoded to find it.
    """

    display: Ints
    is_certain: bool


def order_by_times(table: Table, *, trusted: bool, reorders: bool) -> Order:
    """Find the order of frames from presentation times.

    Args:
        table: The packets.
        trusted: True if the container format stores presentation times for every frame.
        reorders: True if the codec may show frames in another order than they are stored.
    """
    hidden = table.discard | ((table.header_flags & (PacketFlags.HIDDEN | PacketFlags.CONTINUES)) != 0)
    shown = np.flatnonzero(~hidden)
    is_uncertain = (
        bool((table.header_flags & PacketFlags.UNSURE).any())
        or table.unsafe
        or table.corrupt > 0
        or table.error is not None
    )
    if not reorders:
        return Order(shown, is_certain=not is_uncertain)
    pts = table.pts[shown]
    display = shown[np.argsort(pts, kind="stable")]
    known = bool((pts != NO_TIME).all())
    unique = len(np.unique(pts)) == len(pts)
    return Order(display, is_certain=trusted and known and unique and not is_uncertain and _has_one_clock(table))


def _has_one_clock(table: Table) -> bool:
    """Return True if no splice has mixed two clocks.

    Then decoding times never go back, and no packet is presented before it is decoded.
    """
    dts = table.dts[table.dts != NO_TIME]
    both = (table.dts != NO_TIME) & (table.pts != NO_TIME)
    return bool((np.diff(dts) >= 0).all() and (table.pts[both] >= table.dts[both]).all())


def make_packet_flags(table: Table, display: Ints, *, intra_only: bool, single: bool) -> NDArray[np.uint8]:
    """Make the bits of `Flag` for each packet.

    Args:
        table: The packets.
        display: Frame number to packet number.
        intra_only: True if every packet of this codec can be decoded by itself.
        single: True if decoding can start at the first packet only, whatever the container marks (GIF).
    """
    count = len(table)
    header_flags = table.header_flags
    continues = (header_flags & PacketFlags.CONTINUES) != 0
    continues[display] = False
    hidden = np.ones(count, bool)
    hidden[display] = False
    starts = _find_starts(table, intra_only=intra_only, single=single) & ~continues
    leading = _find_leading(starts, display, count)
    start_of = np.maximum.accumulate(np.where(starts, np.arange(count), 0))
    closed = intra_only | ((header_flags & PacketFlags.CLOSED) != 0)
    has_leading = np.zeros(count, bool)
    has_leading[start_of[leading]] = True
    open_starts = starts & has_leading & ~closed
    # After a closed start nothing needs what came before, so that its leading packets decode like any other.
    leading &= open_starts[start_of]
    flags = np.zeros(count, np.uint8)
    for flag, packets in (
        (Flag.KEY, table.key),
        (Flag.HIDDEN, hidden & ~continues),
        (Flag.DISPOSABLE, _find_disposable(table) & ~starts),
        (Flag.CONTINUES, continues),
        (Flag.RAP, starts),
        (Flag.OPEN, open_starts),
        (Flag.LEADING, leading),
    ):
        flags[packets] |= flag
    return flags


def _find_starts(table: Table, *, intra_only: bool, single: bool) -> NDArray[np.bool_]:
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


def _find_leading(starts: NDArray[np.bool_], display: Ints, count: int) -> NDArray[np.bool_]:
    """Find leading packets: they are stored after a start, and shown before it."""
    position = np.full(count, -1, np.int64)
    position[display] = np.arange(len(display))
    start_of = np.maximum.accumulate(np.where(starts, np.arange(count), 0))
    leading: NDArray[np.bool_] = (position >= 0) & (position[start_of] >= 0) & (position < position[start_of])
    return leading


def _find_disposable(table: Table) -> NDArray[np.bool_]:
    """Find packets that are disposable and in the highest temporal layer: layers above may refer to the others."""
    layer = (table.header_flags >> PacketFlags.LAYER_SHIFT) & PacketFlags.LAYER_MASK
    highest = layer.max(initial=0)
    disposable: NDArray[np.bool_] = ((table.header_flags & PacketFlags.DISPOSABLE) != 0) & (layer == highest)
    return disposable

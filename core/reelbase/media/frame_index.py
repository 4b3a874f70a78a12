"""The frame index: one table row a packet, and which packets to decode for a selection of frames. Pure.

Terms: a *packet* is one demuxed access unit, numbered in decode order. A *frame* is what a full sequential
decode shows, numbered in display order. A random access point (*RAP*) is a packet that decoding can start at;
an *open* one is followed by *leading* packets, which are shown before it and need the GOP before it
(ITU-T H.265 3.1, "random access skipped leading"; H.264 recovery point).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import CorruptObjectError, SampleIndexError
from reelbase.media.frame_times import ShownFrames, to_seconds
from reelbase.media.packing import pack_columns, unpack_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed import ReadableBuffer
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Flag:
    """Bits of `FrameIndex.flags`; plain ints, so that numpy keeps uint8."""

    KEY: Final = 1  #: the container calls it a key frame
    HIDDEN: Final = 2  #: decoded, never shown (edit lists, undecodable start)
    DISPOSABLE: Final = 4  #: no other packet refers to it
    CONTINUES: Final = 8  #: a further packet of the frame before it (second field)
    RAP: Final = 16  #: decoding can start here
    OPEN: Final = 32  #: with RAP: leading packets follow that need the GOP before
    LEADING: Final = 64  #: leads the last open RAP before it


class Trust(IntEnum):
    """How far the check at ingest found that the index can be used; a lower value is slower and safer."""

    CONTAINER = 0  #: only a sequential pass through the demuxer is exact
    WHOLE = 1  #: decode from the first packet
    PREVIOUS = 2  #: start one RAP earlier than needed
    NO_SKIP = 3  #: start at the RAP, skip nothing
    FULL = 4  #: start at the RAP and skip disposable packets


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """Everything needed to fetch and decode any frame without opening the container.

    Attributes:
        pos: int64 ``(packets,)``: byte position of each packet's payload in the blob to decode from.
        size: int64 ``(packets,)``: bytes of each packet.
        pts: int64 ``(packets,)``: presentation time in `time_base` units.
        flags: uint8 ``(packets,)`` of `Flag` bits.
        display: int64 ``(frames,)``: frame number to the number of its first packet.
        times: int64 ``(frames,)``: presentation time of each frame, in `time_base` units.
        end: presentation time at which the last frame ends, in `time_base` units.
        time_base: seconds a unit.
        trust: see `Trust`.
        decoder: JSON-able parameters the codec needs to set up a decoder; opaque to the core.
        repacked: packets are stored in a stream of their own, not in the original file.
        crcs: uint32 ``(packets,)``: CRC-32 of each packet's bytes, as `zlib.crc32` computes it; None where the packets
            were not read when the index was made (linked files whose headers are enough), or before format 3.
    """

    pos: Ints
    size: Ints
    pts: Ints
    flags: NDArray[np.uint8]
    display: Ints
    times: Ints
    end: int
    time_base: Fraction
    trust: Trust
    decoder: Mapping[str, Any]
    repacked: bool = False
    crcs: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        return len(self.display)

    def seconds(self, frames: Ints) -> NDArray[np.float64]:
        """Presentation times of `frames` in seconds: the nearest float64 of each, the same shape as `frames`."""
        return to_seconds(self.times[frames], self.time_base)

    @property
    def length_seconds(self) -> float:
        """Seconds from the start of the first frame to the end of the last: the nearest float64."""
        end = int(self.times.max(initial=self.end))
        return float((end - int(self.times.min(initial=end))) * self.time_base)

    def show(self, frames: Ints) -> ShownFrames:
        """Prepare to find those of `frames` that are shown at given times.

        The last of them is shown for as many frames as are between it and the one before, as if the others did not
        exist: frame 35 of ``[::5]`` until frame 40 is shown.

        Args:
            frames: int64 ``(N,)``: frame numbers in the order in which they are shown.

        Raises:
            SampleIndexError: they are in another order, or there are none, or their times go back.
        """
        times = self.times[frames]
        back = np.flatnonzero(np.diff(times) < 0)
        if len(back) and (np.diff(frames) >= 0).all():
            before, after = int(frames[back[0]]), int(frames[back[0] + 1])
            shown = self.seconds(np.array([before, after])).tolist()
            raise SampleIndexError(
                f"The times of this video go back: frame {before} is shown at {shown[0]!r} s, frame {after} at"
                f" {shown[1]!r} s.",
                "Select frames by number, or only frames whose times ascend: view[100:200].at(...).",
            )
        if len(back) or not len(frames):
            raise SampleIndexError(
                "at() needs frames in the order they are shown.", "Select at least one frame, and none backward."
            )
        held = max(1, int(frames[-1] - frames[-2])) if len(frames) > 1 else 1
        following = int(frames[-1]) + held
        end = int(self.times[following]) if following < len(self.times) else self.end
        return ShownFrames(times, max(end, int(times[-1])), self.time_base)

    @cached_property
    def raps(self) -> Ints:
        """Packet numbers that decoding may start at, ascending; the first packet is always one."""
        marked = np.flatnonzero(self.flags & Flag.RAP)
        return marked if len(marked) and marked[0] == 0 else np.concatenate([[0], marked]).astype(np.int64)

    @cached_property
    def entry_frames(self) -> Ints:
        """Numbers of the frames that decoding can start at, ascending."""
        frames = self._frame_of_packet[self.raps] if len(self.pos) else self.raps[:0]
        return np.sort(frames[frames >= 0])

    @cached_property
    def _frame_of_packet(self) -> Ints:
        owner = np.full(len(self.pos), -1, np.int64)
        owner[self.display] = np.arange(len(self.display))
        return owner

    @cached_property
    def _group_end(self) -> Ints:
        """For each packet, one past the last packet of the frame that it belongs to."""
        n = len(self.pos)
        starts = np.flatnonzero((self.flags & Flag.CONTINUES) == 0)
        following = np.append(starts[1:], n) if len(starts) else np.array([n])
        group = np.maximum(np.searchsorted(starts, np.arange(n), side="right") - 1, 0)
        return following[group].astype(np.int64)

    def check_packets(self, numbers: Iterable[int], packets: Iterable[ReadableBuffer]) -> None:
        """Compare bytes with the checksums of their packets. A frame of other bytes would be another frame.

        Does nothing for an index without checksums.

        Args:
            numbers: Packet numbers.
            packets: The bytes that were read for each.

        Raises:
            CorruptObjectError: a packet has other bytes than when it was indexed.
        """
        if self.crcs is None:
            return
        for number, data in zip(numbers, packets, strict=True):
            if zlib.crc32(data) != self.crcs[number]:
                raise self._make_damage_error(number)

    def _make_damage_error(self, number: int) -> CorruptObjectError:
        """The error of a packet with other bytes; it names the frame that the packet belongs to, if it shows one."""
        shown = np.flatnonzero(self.display == number)
        frame = f"frame {int(shown[0])}" if len(shown) else "no frame of its own"
        start = int(self.pos[number])
        return CorruptObjectError(
            f"Packet {number} ({frame}) is damaged: bytes {start}:{start + int(self.size[number])} are not those that "
            "were indexed.",
            "Restore the object from a copy of the dataset, or replace the row with the original file.",
        )

    def plan(self, request: Ints) -> Plan:
        """Plan which packets to decode for `request`: frame numbers in any order, repeats allowed.

        Returns:
            A plan whose runs hold, in decode order, every packet that the wanted frames need and, as far as the
            index knows, no other.
        """
        frames, inverse = np.unique(np.asarray(request, np.int64), return_inverse=True)
        return Plan(index=self, frames=frames, rows=inverse.reshape(-1), runs=self._runs(frames))

    def _runs(self, frames: Ints) -> tuple[Run, ...]:
        if not len(frames):
            return ()
        packets = np.sort(self.display[frames])
        runs: list[tuple[int, int]] = []
        for start, stop in sorted(zip(self._starts(packets).tolist(), self._group_end[packets].tolist(), strict=True)):
            if runs and start < runs[-1][1]:
                runs[-1] = (runs[-1][0], max(runs[-1][1], stop))
            else:
                runs.append((start, stop))
        return tuple(self._run(start, stop, packets) for start, stop in runs)

    def _starts(self, packets: Ints) -> Ints:
        """The packet to start decoding at for each wanted packet."""
        if self.trust <= Trust.WHOLE:
            return np.zeros(len(packets), np.int64)
        rap = np.searchsorted(self.raps, packets, side="right") - 1
        back = ((self.flags[packets] & Flag.LEADING) != 0).astype(np.int64)
        if self.trust == Trust.PREVIOUS:
            back += 1
        starts: Ints = self.raps[np.maximum(rap - back, 0)]
        return starts

    def _run(self, start: int, stop: int, wanted: Ints) -> Run:
        packets = np.arange(start, stop)
        keep = np.ones(stop - start, bool)
        flags = self.flags[start:stop]
        mine = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, stop)]
        if start > 0 and self.trust >= Trust.PREVIOUS and flags[0] & Flag.OPEN:
            later = np.flatnonzero(flags[1:] & Flag.RAP)
            head = stop - start if not len(later) else int(later[0]) + 1
            keep[:head] &= (flags[:head] & Flag.LEADING) == 0
        if self.trust == Trust.FULL:
            group_start = np.maximum.accumulate(np.where(flags & Flag.CONTINUES, 0, packets - start))
            skip = ((flags & Flag.DISPOSABLE) != 0) & ~np.isin(packets, mine)
            keep &= ~skip[group_start]
        return Run(packets=packets[keep], wanted=mine, frames=self._frame_of_packet[mine])

    def to_bytes(self) -> bytes:
        """The stored form: delta-coded columns, about 6.5 bytes a packet, and 4 for its checksum."""
        header = {
            "end": self.end,
            "time_base": [self.time_base.numerator, self.time_base.denominator],
            "trust": int(self.trust),
            "decoder": dict(self.decoder),
            "repacked": self.repacked,
        }
        order = np.argsort(self.pts, kind="stable")
        shown = order[(self.flags[order] & (Flag.HIDDEN | Flag.CONTINUES)) == 0]
        columns = {"size": self.size, "pos": self.pos - _expected_pos(self.size), "flags": self.flags, "pts": self.pts}
        if not np.array_equal(shown, self.display):
            columns["display"] = self.display
        if not np.array_equal(self.pts[self.display], self.times):
            columns["times"] = self.times
        if self.crcs is not None:
            columns["crcs"] = self.crcs
        return pack_columns(header, columns)

    @classmethod
    def from_bytes(cls, data: bytes) -> FrameIndex:
        """The inverse of `to_bytes`.

        Raises:
            CorruptObjectError: the bytes are not a frame index, or are damaged.
        """
        header, columns = unpack_columns(data)
        try:
            size, pts, flags = columns["size"], columns["pts"], columns["flags"].astype(np.uint8)
            order = np.argsort(pts, kind="stable")
            shown = order[(flags[order] & (Flag.HIDDEN | Flag.CONTINUES)) == 0]
            display = columns.get("display", shown)
            index = cls(
                pos=columns["pos"] + _expected_pos(size),
                size=size,
                pts=pts,
                flags=flags,
                display=display,
                times=columns.get("times", pts[display]),
                end=int(header["end"]),
                time_base=Fraction(*header["time_base"]),
                trust=Trust(header["trust"]),
                decoder=header["decoder"],
                repacked=bool(header["repacked"]),
                crcs=columns["crcs"].astype(np.uint32) if "crcs" in columns else None,
            )
        except (KeyError, ValueError, TypeError, IndexError, ZeroDivisionError) as error:
            raise CorruptObjectError(f"A frame index is damaged: {error}.", "Restore it from a copy.") from error
        index._check()
        return index

    def _check(self) -> None:
        n = len(self.pos)
        same = len(self.size) == len(self.pts) == len(self.flags) == n and len(self.times) == len(self.display)
        same = same and (self.crcs is None or len(self.crcs) == n)
        inside = not len(self.display) or (self.display.min() >= 0 and self.display.max() < n)
        # Seconds have to be finite as float64, whatever the times are.
        in_range = 0 < self.time_base < 1 << 32 and abs(self.end) < 1 << 63
        if not in_range or not same or not inside or (n and (self.pos.min() < 0 or self.size.min() < 0)):
            raise CorruptObjectError("A frame index is damaged: its columns disagree.", "Restore it from a copy.")


def _expected_pos(size: Ints) -> Ints:
    """The positions of packets that follow each other without gaps; the difference to it is stored, mostly zeros."""
    return np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64) if len(size) else size.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Run:
    """Packets to decode one after another with a fresh decoder.

    Attributes:
        packets: packet numbers in decode order.
        wanted: those of `packets` whose frames are wanted, ascending.
        frames: the frame number of each of `wanted`.
    """

    packets: Ints
    wanted: Ints
    frames: Ints


@dataclass(frozen=True, eq=False)
class Plan:
    """What to fetch and decode for one selection of frames.

    Attributes:
        index: the table the plan was made from.
        frames: the distinct wanted frame numbers, ascending.
        rows: for each requested frame, its position in `frames`: ``frames[rows]`` is the request.
        runs: what to decode, in order; they share no wanted frame.
    """

    index: FrameIndex
    frames: Ints
    rows: Ints
    runs: tuple[Run, ...]

    def ranges(self, run: Run) -> list[tuple[int, int]]:
        """Byte ranges ``(start, stop)`` of a run's packets, in decode order."""
        start = self.index.pos[run.packets]
        return list(zip(start.tolist(), (start + self.index.size[run.packets]).tolist(), strict=True))

"""One pass through a container: a table with a row a packet, and a place to read each packet from again."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from reelbase.errors import LimitError, ReelbaseError
from reelbase_plugins.video.demux.safe_open import libav_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from reelbase.plugin import Limits
    from reelbase_plugins.video.bitstream.packet_flags import Parser
    from reelbase_plugins.video.demux.safe_open import Reader

    Ints = NDArray[np.int64]

NO_TIME: Final = -(1 << 63)
_BEFORE: Final = 64
_AFTER: Final = 4096
_KEY: Final = 1
_DISCARD: Final = 2


@dataclass(frozen=True)
class Table:
    """What the container says of every packet of one stream that holds bytes, in decode order.

    Attributes:
        pos: int64 ``(n,)``: where the packet's bytes lie, in the file or the spool.
        size: int64 ``(n,)``: bytes.
        pts: int64 ``(n,)``: presentation times, `NO_TIME` where there is none.
        dts: int64 ``(n,)``: decoding times, likewise.
        duration: int64 ``(n,)``: 0 where there is none.
        key: bool ``(n,)``: called a key frame.
        discard: bool ``(n,)``: to be decoded and not shown (edit lists).
        header_flags: int64 ``(n,)``: what the packet's own headers state, as `PacketFlags`.
        extradata: packets that bring new decoder settings, with those.
        repacked: the packets were written to the spool.
        unsafe: packets carry side data that an index cannot bring back.
        corrupt: packets that the container knows to be damaged.
        error: what stopped the demuxer before the end; None: nothing did.
    """

    pos: Ints
    size: Ints
    pts: Ints
    dts: Ints
    duration: Ints
    key: NDArray[np.bool_]
    discard: NDArray[np.bool_]
    header_flags: Ints
    extradata: dict[int, bytes]
    repacked: bool
    unsafe: bool
    corrupt: int
    error: str | None

    def __len__(self) -> int:
        return len(self.pos)


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The stream's packets that hold bytes; empty ones would tell a decoder that the stream ends."""
    return (packet for packet in container.demux(stream) if packet.size)


class Demux:
    """Builds a `Table`.

    Args:
        reader: What the container reads from.
        parser: For the packets' headers.
        spool: Where packets go that cannot be found in the file.
        repack: Write all packets to the spool without looking for them.
    """

    def __init__(self, reader: Reader, parser: Parser, spool: BinaryIO, *, repack: bool) -> None:
        self._reader = reader
        self._parser = parser
        self._spool = spool
        self._repacked = repack
        self._spooled = 0
        self._columns = {
            name: array("q") for name in ("pos", "size", "pts", "dts", "duration", "flags", "header_flags")
        }
        self._extradata: dict[int, bytes] = {}
        self._unsafe = False
        self._corrupt = 0

    def run(self, container: InputContainer, stream: VideoStream, *, filename: str, limits: Limits) -> Table:
        """Take every packet.

        Raises:
            LimitError: more packets than allowed frames.
        """
        error = None
        try:
            for packet in packets_of(container, stream):
                self._take(packet)
                if len(self._columns["pos"]) > limits.max_frames:
                    raise LimitError(
                        f"{filename} has more than {limits.max_frames} frames.",
                        "Raise max_frames under [security] in your own configuration if you trust it.",
                    )
        except ReelbaseError:
            raise
        except libav_errors() as stopped:
            error = str(getattr(stopped, "strerror", None) or stopped)
        return self._table(error)

    def _take(self, packet: Packet[VideoStream]) -> None:
        data = bytes(packet)
        add = {name: column.append for name, column in self._columns.items()}
        add["pos"](self._place(data, packet.pos))
        add["size"](len(data))
        add["pts"](NO_TIME if packet.pts is None else packet.pts)
        add["dts"](NO_TIME if packet.dts is None else packet.dts)
        add["duration"](packet.duration or 0)
        key = packet.is_keyframe
        add["flags"](key * _KEY | packet.is_discard * _DISCARD)
        add["header_flags"](self._parser.parse(data, key=key))
        self._corrupt += packet.is_corrupt
        self._side_data(packet)

    def _side_data(self, packet: Packet[VideoStream]) -> None:
        if packet.has_sidedata("new_extradata"):
            self._extradata[len(self._columns["pos"]) - 1] = bytes(packet.get_sidedata("new_extradata"))
        if packet.has_sidedata("palette") or packet.has_sidedata("param_change"):
            self._unsafe = True

    def _place(self, data: bytes, pos: int | None) -> int:
        if not self._repacked:
            found = self._find(data, pos)
            if found is not None:
                return found
            self._move_to_spool()
        self._spool.write(data)
        self._spooled += len(data)
        return self._spooled - len(data)

    def _find(self, data: bytes, pos: int | None) -> int | None:
        """Where `data` is in the file: at `pos`, or behind a block header that `pos` points to."""
        if pos is None:
            return None
        if self._reader.holds(data, pos):
            return pos
        start = max(0, pos - _BEFORE)
        window = self._reader.span(start, pos + _AFTER + _BEFORE)
        head = data[:_BEFORE]
        at = window.find(head)
        while at >= 0:
            if self._reader.holds(data, start + at):
                return start + at
            at = window.find(head, at + 1)
        return None

    def _move_to_spool(self) -> None:
        """A packet was not found: copy those that were, so that all lie together."""
        self._repacked = True
        pos = self._columns["pos"]
        for n, size in enumerate(self._columns["size"]):
            self._spool.write(self._reader.span(pos[n], pos[n] + size))
            pos[n] = self._spooled
            self._spooled += size

    def _table(self, error: str | None) -> Table:
        columns = {name: np.array(column, np.int64) for name, column in self._columns.items()}
        flags = columns.pop("flags")
        return Table(
            **columns,
            key=(flags & _KEY) != 0,
            discard=(flags & _DISCARD) != 0,
            extradata=self._extradata,
            repacked=self._repacked,
            unsafe=self._unsafe or len(self._extradata) > 64,
            corrupt=self._corrupt,
            error=error,
        )

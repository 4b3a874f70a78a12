"""One pass through a container: a table of its packets, with the position to read each packet from later."""

from __future__ import annotations

import zlib
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from reelbase.errors import LimitError, ReelbaseError
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags
from reelbase_plugins.video.demux.block_additions import ALPHA_ID, HEAD_BYTES, find_alpha
from reelbase_plugins.video.demux.refusals import check_packet
from reelbase_plugins.video.demux.safe_open import libav_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from reelbase.plugin import Limits
    from reelbase_plugins.video.bitstream.decoder_state import DecoderState
    from reelbase_plugins.video.bitstream.packet_flags import Parser
    from reelbase_plugins.video.demux.safe_open import Reader

    Ints = NDArray[np.int64]

NO_TIME: Final = -(1 << 63)
#: Bytes that are searched for a packet before and after the position that a demuxer states.
_SEARCH_BYTES_BEFORE: Final = 64
_SEARCH_BYTES_AFTER: Final = 4096
_MAX_SETTINGS_CHANGES: Final = 64  # of the decoder within a stream that an index stores
_FLAG_KEY: Final = 1
_FLAG_DISCARD: Final = 2


@dataclass(frozen=True)
class Table:
    """What a container states of each packet of one stream, in decode order. Packets without bytes are left out.

    Attributes:
        pos: int64 ``(n,)``: position of the packet's bytes, in the file or in the spool.
        size: int64 ``(n,)``: number of bytes.
        pts: int64 ``(n,)``: presentation times in time base units; `NO_TIME` where there is none.
        dts: int64 ``(n,)``: decoding times in time base units; `NO_TIME` where there is none.
        duration: int64 ``(n,)``: durations in time base units; 0 where there is none.
        key: bool ``(n,)``: marked as a key frame.
        discard: bool ``(n,)``: marked to be decoded but not shown (edit lists).
        header_flags: int64 ``(n,)``: what the packet's own headers state, as `PacketFlags`.
        crc: int64 ``(n,)``: CRC-32 of the packet's bytes; None if they were not read.
        changes: packet number to the settings of decoders that start there or later; see `DecoderState`.
        x264_builds: packet number to the version of x264 that the packet states.
        repacked: True if the packets were written to the spool.
        unsafe: True if packets carry side data that an index does not store.
        corrupt: number of packets that the container marks as damaged.
        error: what stopped the demuxer before the end; None if it reached the end.
        has_alpha: True if packets have alpha beside them.
        alpha_crcs: CRC-32 of the alpha of each packet for which `find_alpha` finds it in the bytes after the packet.
    """

    pos: Ints
    size: Ints
    pts: Ints
    dts: Ints
    duration: Ints
    key: NDArray[np.bool_]
    discard: NDArray[np.bool_]
    header_flags: Ints
    crc: Ints | None
    changes: dict[int, bytes]
    x264_builds: dict[int, int]
    repacked: bool
    unsafe: bool
    corrupt: int
    error: str | None
    has_alpha: bool
    alpha_crcs: list[int]

    def __len__(self) -> int:
        return len(self.pos)


def iter_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Iterate over the packets of a stream that hold bytes: to a decoder an empty one means the end of the stream."""
    return (packet for packet in container.demux(stream) if packet.size)


class Demux:
    """Builds a `Table` from a container.

    Args:
        reader: The reader of the file that the container reads from.
        parser: The parser of packet headers.
        state: Collects what decoders that start later must be given.
        spool: File to write packets to that cannot be found in one piece.
        repack: Write all packets to the spool, without searching for them in the file.
    """

    def __init__(self, reader: Reader, parser: Parser, state: DecoderState, spool: BinaryIO, *, repack: bool) -> None:
        self._reader = reader
        self._parser = parser
        self._state = state
        self._spool = spool
        self._repacked = repack
        self._spooled = 0
        self._columns = {
            name: array("q") for name in ("pos", "size", "pts", "dts", "duration", "flags", "crc", "header_flags")
        }
        self._unsafe = False
        self._corrupt = 0
        self._has_alpha = False
        self._alpha_crcs: list[int] = []

    def run(self, container: InputContainer, stream: VideoStream, *, filename: str, limits: Limits) -> Table:
        """Read every packet.

        Raises:
            LimitError: there are more packets than frames are allowed.
        """
        error = None
        try:
            for packet in iter_packets(container, stream):
                check_packet(packet, filename)
                self._add(packet)
                if len(self._columns["pos"]) > limits.max_frames:
                    raise LimitError(
                        f"{filename} has more than {limits.max_frames} frames.",
                        "Raise max_frames under [security] in your own configuration if you trust the file.",
                    )
        except ReelbaseError:
            raise
        except libav_errors() as stopped:
            error = str(getattr(stopped, "strerror", None) or stopped)
        return self._make_table(error)

    def _add(self, packet: Packet[VideoStream]) -> None:
        data = bytes(packet)
        append = {name: column.append for name, column in self._columns.items()}
        append["pos"](self._store(data, packet.pos))
        append["size"](len(data))
        append["crc"](zlib.crc32(data))
        append["pts"](NO_TIME if packet.pts is None else packet.pts)
        append["dts"](NO_TIME if packet.dts is None else packet.dts)
        append["duration"](packet.duration or 0)
        key = packet.is_keyframe
        append["flags"](key * _FLAG_KEY | packet.is_discard * _FLAG_DISCARD)
        self._corrupt += packet.is_corrupt
        self._read_side_data(packet)
        append["header_flags"](self._read_headers(data, key=key))
        if packet.has_sidedata("matroska_block_additional"):
            self._check_alpha(bytes(packet.get_sidedata("matroska_block_additional")))

    def _read_headers(self, data: bytes, *, key: bool) -> int:
        flags = self._parser.parse(data, key=key)
        start = key or bool(flags & (PacketFlags.START | PacketFlags.CLOSED))
        changed = self._state.read(len(self._columns["pos"]) - 1, data, start=start)
        return flags | (PacketFlags.UNSURE if changed else 0)

    def _read_side_data(self, packet: Packet[VideoStream]) -> None:
        if packet.has_sidedata("new_extradata"):
            self._state.replace(len(self._columns["pos"]) - 1, bytes(packet.get_sidedata("new_extradata")))
        if packet.has_sidedata("palette") or packet.has_sidedata("param_change"):
            self._unsafe = True

    def _check_alpha(self, addition: bytes) -> None:
        """Compare the alpha that the demuxer states with what is found in the bytes after the packet."""
        if int.from_bytes(addition[:8]) != ALPHA_ID:
            return
        self._has_alpha = True
        end = self._columns["pos"][-1] + self._columns["size"][-1]
        alpha = addition[8:]
        span = None if self._repacked else find_alpha(self._reader.read_span(end, end + HEAD_BYTES))
        if alpha and span is not None and self._reader.read_span(end + span[0], end + span[1]) == alpha:
            self._alpha_crcs.append(zlib.crc32(alpha))

    def _store(self, data: bytes, pos: int | None) -> int:
        """Return the position of a packet in the file, or write it to the spool and return its position there."""
        if not self._repacked:
            found_at = self._find(data, pos)
            if found_at is not None:
                return found_at
            self._move_to_spool()
        self._spool.write(data)
        self._spooled += len(data)
        return self._spooled - len(data)

    def _find(self, data: bytes, pos: int | None) -> int | None:
        """Find `data` in the file near `pos`; None if it is not there in one piece.

        For mkv, webm and flv, demuxers return the position of a block header that comes before the packet. So the bytes
        around `pos` are searched, and compared.
        """
        if pos is None:
            return None
        if self._reader.has_at(data, pos):
            return pos
        start = max(0, pos - _SEARCH_BYTES_BEFORE)
        window = self._reader.read_span(start, pos + _SEARCH_BYTES_AFTER + _SEARCH_BYTES_BEFORE)
        beginning = data[:_SEARCH_BYTES_BEFORE]
        at = window.find(beginning)
        while at >= 0:
            if self._reader.has_at(data, start + at):
                return start + at
            at = window.find(beginning, at + 1)
        return None

    def _move_to_spool(self) -> None:
        """Copy the packets that were found so far to the spool: an index reads all packets from one stream."""
        self._repacked = True
        pos = self._columns["pos"]
        for number, size in enumerate(self._columns["size"]):
            self._spool.write(self._reader.read_span(pos[number], pos[number] + size))
            pos[number] = self._spooled
            self._spooled += size

    def _make_table(self, error: str | None) -> Table:
        columns = {name: np.array(column, np.int64) for name, column in self._columns.items()}
        flags = columns.pop("flags")
        return Table(
            **columns,
            key=(flags & _FLAG_KEY) != 0,
            discard=(flags & _FLAG_DISCARD) != 0,
            changes=self._state.changes,
            x264_builds=self._state.x264_builds,
            repacked=self._repacked,
            unsafe=self._unsafe or len(self._state.changes) > _MAX_SETTINGS_CHANGES,
            corrupt=self._corrupt,
            error=error,
            has_alpha=self._has_alpha,
            alpha_crcs=self._alpha_crcs,
        )

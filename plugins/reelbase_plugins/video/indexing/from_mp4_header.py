"""A frame index from the headers of an mp4 or mov file alone, whose tables state position and time of each packet.

What only the packets' own headers state is not known then. So no packet is skipped when frames are decoded
(`Trust.NO_SKIP`), and a start is checked before it is decoded from. Where that is not enough for exact frames, no such
index is made and the whole file is read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase.errors import LimitError, ReelbaseError
from reelbase.plugin import Ingested, Trust
from reelbase_plugins.video.bitstream.h264 import H264
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig, limit_coded_pixels
from reelbase_plugins.video.demux.packets import NO_TIME, Table, iter_packets
from reelbase_plugins.video.demux.refusals import check_packet
from reelbase_plugins.video.demux.safe_open import check_pixels, libav_errors, open_container, pick_stream
from reelbase_plugins.video.indexing.build import add_first_frame, build_index, collect_facts, make_info
from reelbase_plugins.video.indexing.frame_order import order_by_times
from reelbase_plugins.video.indexing.mp4_boxes import BoxReader
from reelbase_plugins.video.indexing.sample_info import describe
from reelbase_plugins.video.indexing.verify_index import Check

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits

#: Codecs for which, in this container, each packet is one frame that is shown.
_ONE_FRAME_CODECS: Final = ("h264", "hevc", "av1", "vp9")
#: Packets refused before the first frame. After more, only a full decode says whether the file can be used at all.
_MAX_REFUSED_PACKETS: Final = 8


def skim(
    blob: Blob, *, filename: str, name: str, number: int | None, limits: Limits, is_proven: bool = True
) -> Ingested | None:
    """Build an index from the headers; return None if they are not enough and the whole file has to be read.

    Args:
        blob: The file.
        filename: Its name, for messages.
        name: Name of the codec.
        number: Which video stream to use; None for the one that players show.
        limits: Limits on frame sizes and numbers.
        is_proven: Read parts of the file that prove the headers; if False, they are taken as true.

    Raises:
        DamagedMediaError: the file is damaged.
        LimitError: it has larger or more frames than allowed.
        MediaError: it has no video stream that can be decoded.
    """
    reader = BoxReader(blob)
    with open_container(reader, "mov", filename=filename) as container:
        stream = pick_stream(container, filename=filename, number=number, limits=limits)
        config = DecoderConfig.from_stream(stream, "mov")
        facts = collect_facts(container, stream)
        if not (facts.intra_only or _is_frame_per_packet(config)):
            return None
        lister = _PacketLister(container, stream, reader, filename, limits)
        table, frame = lister.run()
    if reader.is_cut or lister.failed > _MAX_REFUSED_PACKETS:
        return None
    order = order_by_times(table, trusted=True, reorders=facts.reorders)
    if frame is None or not order.is_certain or not len(order.display) or _find_end(table) > blob.size:
        return None
    config, facts = add_first_frame(frame, replace(config, unseen=not facts.intra_only), facts, filename=filename)
    index = replace(build_index(table, order.display, facts, config), trust=Trust.NO_SKIP)
    if is_proven and not Check(blob, config, limits, filename).verify_header_index(index):
        return None
    described = describe(index, config, facts, table, witness=None, checked="a sample of frames")
    if not is_proven:
        described |= {"trust": "header", "checked": "nothing"}
    return Ingested(info=make_info(index, described, name=name, filename=filename), index=index)


def _is_frame_per_packet(config: DecoderConfig) -> bool:
    """Return True if each packet is known to be a frame. In H.264, fields may be packets of their own."""
    if config.codec == "h264":
        parser = H264(config.extradata)
        return parser.has_sps and parser.frames_only
    return config.codec in _ONE_FRAME_CODECS


def _find_end(table: Table) -> int:
    """Return the end of the last packet; past the end of the file if that was cut off."""
    return int((table.pos + table.size).max(initial=0))


class _PacketLister:
    """Lists all packets of a stream. Only the bytes of the first ones are read, until one frame is decoded.

    Attributes:
        failed: Number of packets that the decoder refused before the first frame.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, reader: BoxReader, filename: str, limits: Limits
    ) -> None:
        self._container, self._stream, self._reader = container, stream, reader
        self._filename, self._limits = filename, limits
        self._context = stream.codec_context
        self._context.options = {"max_pixels": str(limit_coded_pixels(limits.max_pixels))}
        self._context.thread_count = 1
        self._frame: VideoFrame | None = None
        self._rows: list[tuple[int, int, int, int, int, bool]] = []
        self._unsafe = False
        self.failed = 0

    def run(self) -> tuple[Table, VideoFrame | None]:
        """Return the packets, and the first frame that can be decoded; None if there is none."""
        error = None
        try:
            for packet in iter_packets(self._container, self._stream):
                check_packet(packet, self._filename)
                self._add(packet)
        except ReelbaseError:
            raise
        except libav_errors() as stopped:
            error = str(getattr(stopped, "strerror", None) or stopped)
        if self._frame is None:
            self._decode(None)
        return self._make_table(error), self._frame

    def _add(self, packet: Packet[VideoStream]) -> None:
        if len(self._rows) >= self._limits.max_frames:
            raise LimitError(
                f"{self._filename} has more than {self._limits.max_frames} frames.",
                "Raise max_frames under [security] in your own configuration if you trust the file.",
            )
        pts = NO_TIME if packet.pts is None else packet.pts
        dts = NO_TIME if packet.dts is None else packet.dts
        pos = -1 if packet.pos is None else packet.pos
        self._rows.append((pos, packet.size, pts, dts, packet.duration or 0, packet.is_discard))
        self._unsafe = self._unsafe or pos < 0 or packet.has_sidedata("new_extradata")
        self._unsafe = self._unsafe or packet.has_sidedata("palette") or packet.has_sidedata("param_change")
        if self._frame is None:
            self._decode(packet)

    def _decode(self, packet: Packet[VideoStream] | None) -> None:
        try:
            frames = self._context.decode(packet)
        except ReelbaseError:
            raise
        except libav_errors():
            self.failed += 1
            self._reader.blank = self.failed > _MAX_REFUSED_PACKETS  # the whole file is read later anyway
            return
        for frame in frames[:1]:
            check_pixels(frame.width, frame.height, self._filename, self._limits.max_pixels)
            self._frame = frame
            self._reader.blank = True  # no further media data are needed

    def _make_table(self, error: str | None) -> Table:
        rows = np.array(self._rows, np.int64).reshape(-1, 6)
        return Table(
            **{name: rows[:, column].copy() for column, name in enumerate(("pos", "size", "pts", "dts", "duration"))},
            key=self._find_keys(rows[:, 0]),
            discard=rows[:, 5] != 0,
            header_flags=np.zeros(len(rows), np.int64),
            crc=None,
            changes={},
            x264_builds={},
            repacked=False,
            unsafe=self._unsafe,
            corrupt=0,
            error=error,
            has_alpha=False,
            alpha_crcs=[],
        )

    def _find_keys(self, pos: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which packets the index entries mark as key frames: the packets themselves, all zeros, do not say."""
        return np.isin(pos, [entry.pos for entry in self._stream.index_entries if entry.is_keyframe])

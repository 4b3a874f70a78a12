"""A frame index from an mp4's or mov's headers alone: its tables say where each packet lies and when it is shown.

What only the packets' own headers tell is not known then, so nothing is left out when frames are decoded, and a start
is looked at before it is trusted. Where that is not enough for exact frames there is no such index.
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
from reelbase_plugins.video.demux.safe_open import check_pixels, libav_errors, open_container, pick_stream
from reelbase_plugins.video.indexing.build import facts_of, index_of, info_of, shown_by
from reelbase_plugins.video.indexing.frame_order import by_times
from reelbase_plugins.video.indexing.mp4_boxes import BoxReader
from reelbase_plugins.video.indexing.sample_info import describe

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits

#: Codecs one packet of which, in this container, is one frame that is shown.
_PLAIN: Final = ("h264", "hevc", "av1", "vp9")


def skim(blob: Blob, *, filename: str, name: str, number: int | None, limits: Limits) -> Ingested | None:
    """What the headers tell; None: not enough, all of the file has to be looked through.

    Raises:
        DamagedMediaError, LimitError, MediaError: it cannot be used.
    """
    reader = BoxReader(blob)
    with open_container(reader, "mov", filename=filename) as container:
        stream = pick_stream(container, filename=filename, number=number, limits=limits)
        config = DecoderConfig.from_stream(stream, "mov")
        facts = facts_of(container, stream)
        if not (facts.intra_only or _tells(config)):
            return None
        listing = _Listing(container, stream, reader, filename, limits)
        table, frame = listing.run()
    order = by_times(table, trusted=True, reorders=facts.reorders)
    if frame is None or not order.sure or not len(order.display) or _reaches(table) > blob.size:
        return None
    config, facts = shown_by(frame, replace(config, unseen=not facts.intra_only), facts)
    index = replace(index_of(table, order.display, facts, config), trust=Trust.NO_SKIP)
    described = describe(index, config, facts, table, witness=None, checked="nothing but the headers")
    return Ingested(info=info_of(index, described, name=name, filename=filename), index=index)


def _tells(config: DecoderConfig) -> bool:
    """Whether the container alone says which packets are frames: fields may be packets of their own."""
    if config.codec == "h264":
        parser = H264(config.extradata)
        return parser.has_sps and parser.frames_only
    return config.codec in _PLAIN


def _reaches(table: Table) -> int:
    return int((table.pos + table.size).max(initial=0))


class _Listing:
    """All packets of a stream without their bytes, but for the first ones, up to a frame."""

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

    def run(self) -> tuple[Table, VideoFrame | None]:
        """The packets, and the first frame that decodes."""
        error = None
        try:
            for packet in iter_packets(self._container, self._stream):
                self._take(packet)
        except ReelbaseError:
            raise
        except libav_errors() as stopped:
            error = str(getattr(stopped, "strerror", None) or stopped)
        if self._frame is None:
            self._decode(None)
        return self._table(error), self._frame

    def _take(self, packet: Packet[VideoStream]) -> None:
        if len(self._rows) >= self._limits.max_frames:
            raise LimitError(
                f"{self._filename} has more than {self._limits.max_frames} frames.",
                "Raise max_frames under [security] in your own configuration if you trust it.",
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
            found = self._context.decode(packet)
        except ReelbaseError:
            raise
        except libav_errors():
            return
        for frame in found[:1]:
            check_pixels(frame.width, frame.height, self._filename, self._limits.max_pixels)
            self._frame = frame
            self._reader.blank = True

    def _table(self, error: str | None) -> Table:
        rows = np.array(self._rows, np.int64).reshape(-1, 6)
        return Table(
            **{name: rows[:, k].copy() for k, name in enumerate(("pos", "size", "pts", "dts", "duration"))},
            key=self._keys(rows[:, 0]),
            discard=rows[:, 5] != 0,
            header_flags=np.zeros(len(rows), np.int64),
            extradata={},
            repacked=False,
            unsafe=self._unsafe,
            corrupt=0,
            error=error,
        )

    def _keys(self, pos: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which are key frames by the container; of packets without bytes libav cannot say."""
        return np.isin(pos, [entry.pos for entry in self._stream.index_entries if entry.is_keyframe])

"""Looking through a file once: packet table, frames, proof, description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from reelbase.errors import DamagedMediaError, UsageError
from reelbase.plugin import FrameIndex, Ingested, MediaInfo, Trust
from reelbase_plugins.video.bitstream.parsers import make_parser
from reelbase_plugins.video.decoding.convert import read_display_matrix
from reelbase_plugins.video.decoding.decoder import Sequential
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
from reelbase_plugins.video.demux.packets import NO_TIME, Demux, Table
from reelbase_plugins.video.demux.safe_open import Reader, open_container, pick_stream
from reelbase_plugins.video.demux.spool import clear_spool, open_spool
from reelbase_plugins.video.indexing.frame_order import by_times, packet_flags, times_of
from reelbase_plugins.video.indexing.sample_info import describe
from reelbase_plugins.video.indexing.verify import Check, Witness, watch

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Limits
    from reelbase_plugins.video.demux.container_traits import Traits

    Ints = NDArray[np.int64]

CHECKS = ("sample", "full", "none")


@dataclass(frozen=True)
class StreamFacts:
    """What the container and the first frame say of the stream, for the description."""

    time_base: Fraction
    rate: Fraction | None
    reorders: bool
    intra_only: bool
    number: int
    has_audio: bool
    aspect: Fraction | None
    angle: float = 0.0
    pix_fmt: str | None = None
    bits: int = 8
    interlaced: bool = False
    colorspace: int = 2
    color_range: int = 0

    @property
    def step(self) -> Fraction:
        """Nominal length of a frame, in time base units."""
        return 1 / (self.rate * self.time_base) if self.rate else Fraction(1, 25) / self.time_base


class Ingest:
    """One file on its way in.

    Args:
        blob: The file.
        spool: For packets that have to be repacked.
        filename: For messages and the description.
        name: Of the codec's spec.
        traits: Of the container.
        limits: On what may be decoded.
    """

    def __init__(
        self, blob: Blob, spool: BinaryIO, *, filename: str, name: str, traits: Traits, limits: Limits
    ) -> None:
        self._blob = blob
        self._spool = spool
        self._filename = filename
        self._name = name
        self._traits = traits
        self._limits = limits

    def run(self, check: str, stream: int | None) -> Ingested:
        """See `Codec.ingest`."""
        if check not in CHECKS:
            raise UsageError(f"check={check!r} is none of {', '.join(map(repr, CHECKS))}.")
        if not self._blob.size:
            raise DamagedMediaError(f"{self._filename} is empty: it has no bytes.", "Give a whole video file.")
        config, facts, table = self._demux(stream)
        config, facts = self._first_frame(config, facts, table)
        index, witness, checked = self._index(config, facts, table, check)
        info = describe(index, DecoderConfig.from_dict(index.decoder), facts, table, witness=witness, checked=checked)
        return Ingested(info=info_of(index, info, name=self._name, filename=self._filename), index=index)

    def _demux(self, number: int | None) -> tuple[DecoderConfig, StreamFacts, Table]:
        reader = Reader(self._blob)
        with open_container(reader, self._traits.demuxer, filename=self._filename) as container:
            stream = pick_stream(container, filename=self._filename, number=number, limits=self._limits)
            config = DecoderConfig.from_stream(stream, self._traits.demuxer)
            parser = make_parser(config.codec, config.extradata)
            demux = Demux(reader, parser, self._spool, repack=self._traits.repack)
            table = demux.run(container, stream, filename=self._filename, limits=self._limits)
            facts = facts_of(container, stream)
        if not len(table):
            reason = f": {table.error}" if table.error else ""
            raise DamagedMediaError(f"{self._filename} has a video stream but no frames in it{reason}.", _TRUNCATED)
        return config, facts, table

    def _first_frame(
        self, config: DecoderConfig, facts: StreamFacts, table: Table
    ) -> tuple[DecoderConfig, StreamFacts]:
        """What only a decoded frame says: its size, and how it has to be turned."""
        sequence = self._sequential(config)
        frame = next(iter(sequence), None)
        if frame is None:
            raise DamagedMediaError(
                f"{self._filename}: not one of its {len(table)} {config.codec} packets decodes.", _TRUNCATED
            )
        return shown_by(frame, replace(config, changes=table.extradata), facts)

    def _sequential(self, config: DecoderConfig) -> Sequential:
        return Sequential(self._blob, config, self._filename, self._limits.max_pixels)

    def _index(
        self, config: DecoderConfig, facts: StreamFacts, table: Table, check: str
    ) -> tuple[FrameIndex, Witness | None, str]:
        """The index, what a full decode showed if there was one, and words for what was checked."""
        order = by_times(table, trusted=self._traits.timed, reorders=facts.reorders)
        blob = open_spool(self._spool) if table.repacked else self._blob
        proof = Check(blob, config, self._limits)
        everything = check == "full" or (check == "sample" and proof.few(len(table)))
        if order.sure and len(order.display) and not everything:
            index = self._make(table, order.display, facts, config)
            if check == "none":
                return index, None, "nothing"
            if proof.sample(index):
                sound = replace(config, sound=not table.corrupt)
                return replace(index, decoder=sound.as_dict()), None, "a sample of frames"
        return self._proven(config, facts, table, proof, everything=everything)

    def _proven(
        self, config: DecoderConfig, facts: StreamFacts, table: Table, proof: Check, *, everything: bool
    ) -> tuple[FrameIndex, Witness, str]:
        """An index from what a full decode showed."""
        witness = watch(self._sequential(config))
        damaged = witness.damaged + table.corrupt
        config = replace(config, damaged=damaged, sound=not damaged)
        everything = everything or bool(config.damaged)
        checked = "every frame" if everything else "the order of all frames, a sample of starts"
        if witness.traceable(len(table)) and not table.unsafe:
            index = self._make(table, witness.packets, facts, config)
            trust = proof.settle(index, witness, everything=everything, damaged=bool(config.damaged))
            if trust != Trust.CONTAINER:
                return replace(index, trust=trust), witness, checked
        clear_spool(self._spool)
        display = np.clip(np.arange(len(witness.packets)), 0, len(table) - 1)
        owners = witness.packets if witness.traceable(len(table)) else display
        times, end = self._times(table, owners, facts)
        index = self._make(table, display, facts, config)
        return replace(index, trust=Trust.CONTAINER, times=times, end=end, repacked=False), witness, checked

    def _make(self, table: Table, display: Ints, facts: StreamFacts, config: DecoderConfig) -> FrameIndex:
        return index_of(table, display, facts, config, single_start=self._traits.single_start)

    def _times(self, table: Table, display: Ints, facts: StreamFacts) -> tuple[Ints, int]:
        return times_of(table, display, step=facts.step)


_TRUNCATED = "It is damaged or truncated; give a whole copy."


def index_of(
    table: Table, display: Ints, facts: StreamFacts, config: DecoderConfig, *, single_start: bool = False
) -> FrameIndex:
    """The index of the packets of a table that are shown in the order `display`, not proven yet."""
    times, end = times_of(table, display, step=facts.step)
    pts = np.where(table.pts == NO_TIME, np.where(table.dts == NO_TIME, 0, table.dts), table.pts)
    pts[display] = times
    return FrameIndex(
        pos=table.pos,
        size=table.size,
        pts=pts,
        flags=packet_flags(table, display, intra_only=facts.intra_only, single=single_start),
        display=display,
        times=times,
        end=end,
        time_base=facts.time_base,
        trust=Trust.FULL,
        decoder=config.as_dict(),
        repacked=table.repacked,
    )


def info_of(index: FrameIndex, described: dict[str, Any], *, name: str, filename: str) -> MediaInfo:
    """Shape and description, in the order in which they are shown."""
    shape = (len(index), *DecoderConfig.from_dict(index.decoder).shape, 3)
    ordered = {"duration": 0, "fps": 0, "timebase": 0, "shape": list(shape), "format": "", "filename": ""}
    known = {**described, "format": name, "filename": filename.partition("?")[0]}
    return MediaInfo(shape=shape, codec=name, details={**ordered, "modified": False, **known})


def shown_by(frame: VideoFrame, config: DecoderConfig, facts: StreamFacts) -> tuple[DecoderConfig, StreamFacts]:
    """Recipe and facts with what only a decoded frame says: its size, and how it has to be turned."""
    turn, angle = read_display_matrix(frame)
    config = replace(config, size=(frame.width, frame.height), turn=turn)
    facts = replace(
        facts,
        angle=angle,
        pix_fmt=frame.format.name,
        bits=max((part.bits for part in frame.format.components), default=8),
        interlaced=frame.interlaced_frame,
        colorspace=frame.colorspace if frame.colorspace != 2 else config.colorspace,
        color_range=frame.color_range or config.color_range,
    )
    return config, facts


def facts_of(container: InputContainer, stream: VideoStream) -> StreamFacts:
    """What the container says of a stream."""
    videos = [s for s in container.streams.video if s.codec_context is not None]
    return StreamFacts(
        time_base=stream.time_base or Fraction(1, 1_000_000),
        rate=stream.average_rate or stream.guessed_rate or stream.base_rate,
        reorders=stream.codec_context.codec.reorder,
        intra_only=stream.codec_context.codec.intra_only,
        number=videos.index(stream),
        has_audio=bool(container.streams.audio),
        aspect=stream.sample_aspect_ratio,
    )

"""Ingest of a video file: packet table, frame order, verification and description.

The container is opened once. From then on frames are found, fetched and decoded by the index alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from reelbase.errors import DamagedMediaError, UsageError
from reelbase.plugin import FrameIndex, Ingested, MediaInfo, Trust
from reelbase_plugins.video.bitstream.decoder_state import make_decoder_state
from reelbase_plugins.video.bitstream.parsers import make_parser
from reelbase_plugins.video.decoding.colour import UNSPECIFIED, choose_matrix, has_chroma
from reelbase_plugins.video.decoding.convert import read_display_matrix, view_lines
from reelbase_plugins.video.decoding.decoder import Sequential
from reelbase_plugins.video.decoding.decoder_config import BESIDE, LOST, DecoderConfig
from reelbase_plugins.video.demux.packets import NO_TIME, Demux, Table
from reelbase_plugins.video.demux.safe_open import Reader, list_videos, open_container, pick_stream
from reelbase_plugins.video.demux.spool import clear_spool, open_spool
from reelbase_plugins.video.indexing.check_conversion import ConversionCheck
from reelbase_plugins.video.indexing.frame_order import make_packet_flags, order_by_times
from reelbase_plugins.video.indexing.frame_times import compute_times
from reelbase_plugins.video.indexing.sample_info import describe
from reelbase_plugins.video.indexing.verify_index import Check, Witness, watch

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
    """What the container and the first frame state of the stream.

    Attributes:
        time_base: Seconds per unit of the packets' times.
        rate: Nominal number of frames per second; None if the container states none.
        reorders: The codec may show frames in another order than they are stored.
        intra_only: Every packet of the codec can be decoded by itself.
        number: Number of the stream among the video streams, from 0; see `list_videos`.
        clock_bits: Bits of the container's clock, which starts again from 0 after the last of them; None if never.
        decoding_times: The container stores decoding times only.
        has_audio: The file has an audio stream.
        aspect: Width of a pixel divided by its height; None if unknown.
        angle: Degrees, counter-clockwise, by which the display matrix turns frames.
        pix_fmt: libav's name of the pixel format of decoded frames; None if no frame was decoded.
        bits: Bits per value of decoded frames.
        interlaced: The first frame is interlaced.
        colorspace: AVColorSpace; 2 means unspecified.
        color_range: AVColorRange; 0 means unspecified.
        is_assumed: The format stores no times; frames are spaced evenly at `rate`.
        approximate_colorspace: AVColorSpace that frames are converted with, if it is another one than was meant; None
            if colours are exact.
        has_alpha: Frames have an alpha channel, or alpha beside their packets.
    """

    time_base: Fraction
    rate: Fraction | None
    reorders: bool
    intra_only: bool
    number: int
    has_audio: bool
    aspect: Fraction | None
    clock_bits: int | None = None
    decoding_times: bool = False
    angle: float = 0.0
    pix_fmt: str | None = None
    bits: int = 8
    interlaced: bool = False
    colorspace: int = 2
    color_range: int = 0
    is_assumed: bool = False
    approximate_colorspace: int | None = None
    has_alpha: bool = False

    @property
    def step(self) -> Fraction:
        """Nominal duration of a frame in time base units; that of 25 frames per second if there is no rate."""
        return 1 / (self.rate * self.time_base) if self.rate else Fraction(1, 25) / self.time_base


class Ingest:
    """The ingest of one file.

    Args:
        blob: The bytes of the file.
        spool: File to write packets to that have to be repacked.
        filename: Name of the file in messages and in the description.
        name: Name of the codec, as in its specification.
        traits: Properties of the container format.
        limits: Limits on the size and number of frames.
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
            raise UsageError(f"check={check!r} is not one of {', '.join(map(repr, CHECKS))}.")
        if not self._blob.size:
            raise DamagedMediaError(f"{self._filename} is empty: it has no bytes.", "Pass a whole video file.")
        config, facts, table = self._demux(stream)
        config, facts = self._add_first_frame(config, facts, table)
        index, witness, checked = self._build_verified(config, facts, table, check)
        info = describe(index, DecoderConfig.from_dict(index.decoder), facts, table, witness=witness, checked=checked)
        return Ingested(info=make_info(index, info, name=self._name, filename=self._filename), index=index)

    def _demux(self, number: int | None) -> tuple[DecoderConfig, StreamFacts, Table]:
        """Read what the container states of the stream and of each of its packets.

        Streams may be declared that have no packets, as in Windows Media files of several bit rates: then the next best
        one is read.
        """
        empty: list[int] = []
        while True:
            config, facts, table, streams = self._demux_stream(number, empty)
            if len(table):
                return config, facts, table
            empty.append(facts.number)
            if number is not None or len(empty) >= streams:
                reason = f": {table.error}" if table.error else ""
                raise DamagedMediaError(
                    f"{self._filename} has a video stream but no frames in it{reason}.", _DAMAGED_HINT
                )

    def _demux_stream(self, number: int | None, empty: list[int]) -> tuple[DecoderConfig, StreamFacts, Table, int]:
        """Read one stream; return also how many video streams there are."""
        reader = Reader(self._blob)
        with open_container(reader, self._traits.demuxer, filename=self._filename) as container:
            stream = pick_stream(container, filename=self._filename, number=number, limits=self._limits, empty=empty)
            config = DecoderConfig.from_stream(stream, self._traits.demuxer)
            parser = make_parser(config.codec, config.extradata)
            state = make_decoder_state(config.codec, config.extradata)
            demux = Demux(reader, parser, state, self._spool, repack=self._traits.repack)
            table = demux.run(container, stream, filename=self._filename, limits=self._limits)
            facts = collect_facts(container, stream)
            streams = len(list_videos(container))
            if self._traits.assumed_rate:
                table, facts = _assume_even_times(table), replace(facts, rate=stream.guessed_rate, is_assumed=True)
        if reader.is_cut:
            table = replace(table, error=table.error or "the file ends within the headers of a fragment (moof)")
        facts = replace(facts, clock_bits=self._traits.clock_bits, decoding_times=self._traits.decoding_times)
        return config, facts, table, streams

    def _add_first_frame(
        self, config: DecoderConfig, facts: StreamFacts, table: Table
    ) -> tuple[DecoderConfig, StreamFacts]:
        """Add what only a decoded frame states: its size, and how it has to be turned."""
        sequence = self._decode_in_sequence(config)
        frame = next(iter(sequence), None)
        if frame is None:
            raise DamagedMediaError(
                f"{self._filename}: none of its {len(table)} {config.codec} packets can be decoded.", _DAMAGED_HINT
            )
        config = replace(config, changes=table.changes, x264_builds=table.x264_builds, **describe_alpha(config, table))
        return add_first_frame(frame, config, facts, filename=self._filename)

    def _decode_in_sequence(self, config: DecoderConfig) -> Sequential:
        return Sequential(self._blob, config, self._filename, self._limits.max_pixels)

    def _build_verified(
        self, config: DecoderConfig, facts: StreamFacts, table: Table, check: str
    ) -> tuple[FrameIndex, Witness | None, str]:
        """Build the index and verify it as far as `check` says.

        Returns:
            The index; what a full decode showed, or None if there was none; and a description of what was checked.
        """
        order = order_by_times(table, trusted=self._traits.timed, reorders=facts.reorders)
        blob = open_spool(self._spool) if table.repacked else self._blob
        verification = Check(blob, config, self._limits, self._filename)
        everything = check == "full" or (check == "sample" and verification.is_cheap(len(table)))
        if order.is_certain and len(order.display) and not everything:
            index = self._make_index(table, order.display, facts, config)
            if check == "none":
                return index, None, "nothing"
            if verification.verify_sample(index):
                sound = replace(config, sound=not table.corrupt)
                return replace(index, decoder=sound.as_dict()), None, "a sample of frames"
        return self._build_from_full_decode(config, facts, table, verification, everything=everything)

    def _build_from_full_decode(
        self, config: DecoderConfig, facts: StreamFacts, table: Table, verification: Check, *, everything: bool
    ) -> tuple[FrameIndex, Witness, str]:
        """Build the index from the frames that a full decode showed.

        If no index gives the same frames, reads go through the container instead (`Trust.CONTAINER`): for some files,
        such as packed bitstreams, only the demuxer gives the right frames.
        """
        witness = watch(self._decode_in_sequence(config), ConversionCheck(config, self._filename))
        if witness.failed >= _MAX_SHARE_REFUSED * len(table):
            raise DamagedMediaError(
                f"{self._filename}: {witness.failed} of its {len(table)} {config.codec} packets cannot be decoded.",
                "It is encrypted or damaged; pass an intact copy.",
            )
        damaged = witness.damaged + table.corrupt
        config = replace(config, damaged=damaged, sound=not damaged)
        everything = everything or bool(config.damaged)
        checked = "every frame" if everything else "the order of all frames, a sample of starts"
        if witness.is_traceable(len(table)) and not table.unsafe:
            index = self._make_index(table, witness.packets, facts, config)
            trust = verification.find_trust(index, witness, everything=everything, damaged=bool(config.damaged))
            if trust != Trust.CONTAINER:
                return replace(index, trust=trust), witness, checked
        clear_spool(self._spool)  # the container is read from the file itself
        display = np.clip(np.arange(len(witness.packets)), 0, len(table) - 1)
        frame_packets = witness.packets if witness.is_traceable(len(table)) else display
        shown = compute_times(table, frame_packets, facts)
        index = self._make_index(table, display, facts, config)
        return replace(index, trust=Trust.CONTAINER, times=shown.times, end=shown.end, repacked=False), witness, checked

    def _make_index(self, table: Table, display: Ints, facts: StreamFacts, config: DecoderConfig) -> FrameIndex:
        return build_index(table, display, facts, config, single_start=self._traits.single_start)


#: Share of packets that the decoder refused. Fewer are damage, which is kept and described.
_MAX_SHARE_REFUSED = 0.9
_DAMAGED_HINT = "It is damaged or truncated; pass an intact copy."


def _assume_even_times(table: Table) -> Table:
    """Remove the times that libav's demuxers of bare streams make up, at 25 frames per second or not at all."""
    unknown = np.full(len(table), NO_TIME)
    return replace(table, pts=unknown, dts=unknown.copy(), duration=np.zeros(len(table), np.int64))


def build_index(
    table: Table, display: Ints, facts: StreamFacts, config: DecoderConfig, *, single_start: bool = False
) -> FrameIndex:
    """Build an index that is not verified yet.

    Args:
        table: The packets.
        display: Frame number to packet number.
        facts: What is known of the stream.
        config: Decoder configuration of the video.
        single_start: Decoding can start at the first packet only, whatever the container marks.
    """
    shown = compute_times(table, display, facts)
    pts = np.where(table.pts == NO_TIME, np.where(table.dts == NO_TIME, 0, table.dts), table.pts)
    pts[display] = shown.times
    return FrameIndex(
        pos=table.pos,
        size=table.size,
        pts=pts,
        flags=make_packet_flags(table, display, intra_only=facts.intra_only, single=single_start),
        display=display,
        times=shown.times,
        end=shown.end,
        time_base=facts.time_base,
        trust=Trust.FULL,
        decoder=config.as_dict(),
        repacked=table.repacked,
        crcs=None if table.crc is None else table.crc.astype(np.uint32),
    )


def make_info(index: FrameIndex, described: dict[str, Any], *, name: str, filename: str) -> MediaInfo:
    """Make shape and description; the keys are in the order in which they are shown."""
    shape = (len(index), *DecoderConfig.from_dict(index.decoder).shape, 3)
    ordered = {"duration": 0, "fps": 0, "timebase": 0, "shape": list(shape), "format": "", "filename": ""}
    known = {**described, "format": name, "filename": filename.partition("?")[0]}
    return MediaInfo(shape=shape, codec=name, details={**ordered, "modified": False, **known})


def describe_alpha(config: DecoderConfig, table: Table) -> dict[str, Any]:
    """Return the fields of `DecoderConfig` for alpha that is kept beside the packets."""
    if not table.has_alpha or config.codec not in ("vp8", "vp9"):
        return {}
    if len(table.alpha_crcs) < len(table) or table.repacked:
        return {"alpha": LOST}
    return {"alpha": BESIDE, "alpha_crcs": np.array(table.alpha_crcs, "<u4").tobytes()}


def add_first_frame(
    frame: VideoFrame, config: DecoderConfig, facts: StreamFacts, *, filename: str
) -> tuple[DecoderConfig, StreamFacts]:
    """Add to configuration and facts what only a decoded frame states, such as its size and rotation.

    Raises:
        MediaError: the frame cannot be converted to RGB.
    """
    turn, angle = read_display_matrix(frame)
    config = replace(config, size=(frame.width, frame.height), turn=turn)
    colorspace = frame.colorspace if frame.colorspace != UNSPECIFIED else config.colorspace
    matrix, is_exact = choose_matrix(colorspace, frame.color_primaries)
    # Decoded by the index, a frame may come without the tags of the container, also without the primaries that a
    # chroma-derived matrix follows from; then the configuration has the matrix itself.
    config = replace(config, colorspace=matrix if config.colorspace == colorspace else config.colorspace)
    pix_fmt = frame.format.name
    facts = replace(
        facts,
        angle=angle,
        pix_fmt=pix_fmt.replace("yuv", "yuva", 1) if config.alpha else pix_fmt,
        bits=max((part.bits for part in frame.format.components), default=8),
        interlaced=frame.interlaced_frame,
        colorspace=colorspace,
        color_range=frame.color_range or config.color_range,
        approximate_colorspace=matrix if has_chroma(frame) and not is_exact else None,
        has_alpha=bool(config.alpha) or has_alpha(frame),
    )
    ConversionCheck(config, filename).check(frame)  # last: it sets the tags of the frame
    return config, facts


def has_alpha(frame: VideoFrame) -> bool:
    """Return True if the format of a frame has alpha, or if a picture with a palette uses a colour that has."""
    if not frame.format.has_palette:
        return any(part.is_alpha for part in frame.format.components)
    indices = view_lines(frame.planes[0], frame.height, np.dtype(np.uint8))[:, : frame.width]
    palette = np.frombuffer(cast("bytes", frame.planes[1]), np.uint32)  # 0xAARRGGBB
    return bool((palette[np.unique(indices)] >> 24 != 0xFF).any())


def collect_facts(container: InputContainer, stream: VideoStream) -> StreamFacts:
    """Collect what the container states of a stream."""
    return StreamFacts(
        time_base=stream.time_base or Fraction(1, 1_000_000),
        rate=stream.average_rate or stream.guessed_rate or stream.base_rate,
        reorders=stream.codec_context.codec.reorder,
        intra_only=stream.codec_context.codec.intra_only,
        number=list_videos(container).index(stream),
        has_audio=bool(container.streams.audio),
        aspect=stream.sample_aspect_ratio,
    )

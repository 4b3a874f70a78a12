"""The configuration that a decoder needs before its first packet. It is stored with the frame index."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream


#: Decoders that use the bitstream alone, not what the container states of a packet, and that have frame threads.
_BITSTREAM_DECODERS: Final = ("h264", "hevc", "vp9", "libdav1d")

BESIDE: Final = "beside"
LOST: Final = "lost"


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Settings of a decoder, and of the conversion of its frames to upright RGB.

    The names of the fields are the keys of its JSON form.

    Attributes:
        decoder: FFmpeg's name of the decoder, such as "libdav1d".
        codec: FFmpeg's name of the codec, such as "av1".
        demuxer: FFmpeg's name of the container format, such as "mov".
        stream: Number of the stream in the container.
        extradata: Codec settings that the container stores apart from the packets.
        changes: Packet number to the `extradata` of decoders that start at that packet or later.
        x264_builds: Packet number to the version of x264 that the packet states, and that decoders need which start
            later: 4:4:4 streams of versions before 151 are decoded differently.
        width: Coded frame width in pixels; decoded frames have the size `size`.
        height: Coded frame height in pixels.
        pix_fmt: libav's name of the pixel format; None if the container does not state it.
        bits: Bits per coded sample, for raw codecs.
        tag: Four-character code of the codec in the container; None if there is none.
        profile: FFmpeg's name of the codec profile; None if it is unknown.
        delay: Number of frames that a decoder holds back to bring them into display order.
        colorspace: AVColorSpace that the container states; 2 means unspecified.
        color_range: AVColorRange that the container states; 0 means unspecified.
        size: Width and height of decoded frames in pixels, before they are turned upright.
        turn: (swap axes, mirror x, mirror y) to turn a frame upright, applied in this order.
        damaged: Number of packets and frames that were found damaged at ingest.
        sound: True if all or a sample of the file was decoded at ingest and no damage was found.
        alpha: "" if no alpha is kept beside the packets; `BESIDE` if each packet has its alpha after it in the file;
            `LOST` if there is alpha that cannot be found there.
        alpha_crcs: CRC-32 of each packet of alpha, 4 bytes each, little-endian; empty if `alpha` is not `BESIDE`.
        unseen: True if no packet headers were read at ingest: starts are then checked when they are decoded from.
    """

    decoder: str
    codec: str
    demuxer: str
    stream: int
    extradata: bytes = b""
    changes: Mapping[int, bytes] = field(default_factory=dict)
    x264_builds: Mapping[int, int] = field(default_factory=dict)
    width: int = 0
    height: int = 0
    pix_fmt: str | None = None
    bits: int = 0
    tag: str | None = None
    profile: str | None = None
    delay: int = 0
    colorspace: int = 2
    color_range: int = 0
    size: tuple[int, int] = (0, 0)
    turn: tuple[bool, bool, bool] = (False, False, False)
    damaged: int = 0
    sound: bool = False
    unseen: bool = False
    alpha: str = ""
    alpha_crcs: bytes = b""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an upright frame, in pixels."""
        width, height = self.size
        return (width, height) if self.turn[0] else (height, width)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, without fields that have their default value."""
        stored = {name: value for name, value in asdict(self).items() if value != getattr(DecoderConfig, name, None)}
        stored["extradata"] = b64encode(self.extradata).decode()
        if self.alpha_crcs:
            stored["alpha_crcs"] = b64encode(self.alpha_crcs).decode()
        stored["changes"] = {str(number): b64encode(data).decode() for number, data in self.changes.items()}
        stored["x264_builds"] = {str(number): build for number, build in self.x264_builds.items()}
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> DecoderConfig:
        """Make a configuration from the JSON form that `as_dict` returned."""
        values = dict(stored)
        values["extradata"] = b64decode(values.get("extradata", ""))
        values["alpha_crcs"] = b64decode(values.get("alpha_crcs", ""))
        values["changes"] = {int(number): b64decode(data) for number, data in values.get("changes", {}).items()}
        values["x264_builds"] = {int(number): int(build) for number, build in values.get("x264_builds", {}).items()}
        values["size"] = tuple(values["size"])
        values["turn"] = tuple(values.get("turn", (False, False, False)))
        return cls(**values)

    @classmethod
    def from_stream(cls, stream: VideoStream, demuxer: str) -> DecoderConfig:
        """Make a configuration from what a container states of a stream."""
        context = stream.codec_context
        return cls(
            decoder=context.codec.name,
            codec=context.codec.canonical_name,
            demuxer=demuxer,
            stream=stream.index,
            extradata=context.extradata or b"",
            width=context.width,
            height=context.height,
            pix_fmt=context.pix_fmt,
            bits=context.bits_per_coded_sample,
            tag=_read_tag(context),
            profile=context.profile,
            delay=context.reorder_depth,
            colorspace=context.colorspace,
            color_range=context.color_range,
        )

    @property
    def can_cross_starts(self) -> bool:
        """True if a decoder can continue over the start of the next group of pictures, as a sequential pass does.

        That is so for decoders that use the bitstream alone. Others read what the container states of a packet, which
        they do not get here: FFmpeg's PNG decoder adds a picture to the one before unless it is marked as a key frame.
        """
        return self.decoder in _BITSTREAM_DECODERS

    def open_context(self, *, max_pixels: int, threads: int = 1, start: int = 0) -> VideoCodecContext:
        """Make a new decoder.

        A decoder of several threads refuses damaged packets instead of concealing the damage: frame threads conceal it
        in another way each time.

        Args:
            max_pixels: Maximum number of pixels of a frame.
            threads: Number of threads of the decoder; only decoders with frame threads use more than one.
            start: Number of the first packet that it will be fed.
        """
        import av

        context = cast("VideoCodecContext", av.CodecContext.create(self._find_installed_decoder(), "r"))
        context.options = {"max_pixels": str(limit_coded_pixels(max_pixels))}
        stated_at = [number for number in self.x264_builds if number <= start]
        if stated_at and self.decoder == "h264":
            context.options |= {"x264_build": str(self.x264_builds[max(stated_at)])}
        context.thread_count = 1
        if threads > 1 and self.decoder in _BITSTREAM_DECODERS:
            context.options |= {"err_detect": "explode"}
            context.thread_count, context.thread_type = threads, "FRAME"
        if self.extradata:
            context.extradata = self.extradata
        context.width, context.height = self.width, self.height
        if self.pix_fmt:
            context.pix_fmt = self.pix_fmt
        context.bits_per_coded_sample = self.bits
        if self.tag:
            context.codec_tag = self.tag
        if self.profile:
            context.profile = self.profile
        context.reorder_depth = self.delay
        context.colorspace, context.color_range = self.colorspace, self.color_range
        return context

    def _find_installed_decoder(self) -> str:
        """Return the name of the stored decoder, or of the codec if this FFmpeg lacks that decoder."""
        import av

        try:
            av.Codec(self.decoder, "r")
        except av.codec.codec.UnknownCodecError:
            return self.codec
        return self.decoder


def limit_coded_pixels(max_pixels: int) -> int:
    """Return the limit to pass to libav, which also counts the macroblocks that reach over the edge of a frame."""
    return 2 * max_pixels + (1 << 16)


def _read_tag(context: VideoCodecContext) -> str | None:
    try:
        return context.codec_tag
    except UnicodeDecodeError:  # PyAV decodes the four bytes as ASCII
        return None

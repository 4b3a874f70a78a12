"""What a decoder must be given before its first packet; stored with the frame index."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream


_THREADED: Final = ("h264", "hevc", "vp9", "libdav1d")


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Settings of a decoder, and of the way from its frames to upright RGB.

    Attributes:
        decoder: FFmpeg's name of the decoder, such as "libdav1d".
        codec: Its name of the codec, such as "av1".
        demuxer: Its name of the container format.
        stream: Number of the stream in the container.
        extradata: Codec settings kept by the container.
        changes: Packet number to new `extradata` that comes with that packet.
        width: Coded frame width; `size` is what decodes.
        height: Coded frame height.
        pix_fmt: Pixel format.
        bits: Bits per coded sample, for raw codecs.
        tag: Four-character code, 32 bits, or 0.
        profile: By name.
        delay: How many frames a decoder holds back to sort them.
        colorspace: AVColorSpace of the container, 2 if it says nothing.
        color_range: AVColorRange of the container, 0 if it says nothing.
        size: Width and height of decoded frames, before turning.
        turn: (swap axes, mirror x, mirror y) to bring a frame upright, in this order.
        damaged: Packets or frames that were seen to be damaged.
        sound: When the file came in, all of it or a sample was decoded, and no damage seen.
        unseen: No packet's own headers were read: whether decoding can start where the container says so shows then.
    """

    decoder: str
    codec: str
    demuxer: str
    stream: int
    extradata: bytes = b""
    changes: Mapping[int, bytes] = field(default_factory=dict)
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

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an upright frame."""
        width, height = self.size
        return (width, height) if self.turn[0] else (height, width)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form; what is at its default is left out."""
        stored = {k: v for k, v in asdict(self).items() if v != getattr(DecoderConfig, k, None)}
        stored["extradata"] = b64encode(self.extradata).decode()
        stored["changes"] = {str(n): b64encode(data).decode() for n, data in self.changes.items()}
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> DecoderConfig:
        """The inverse of `as_dict`."""
        values = dict(stored)
        values["extradata"] = b64decode(values.get("extradata", ""))
        values["changes"] = {int(n): b64decode(data) for n, data in values.get("changes", {}).items()}
        values["size"] = tuple(values["size"])
        values["turn"] = tuple(values.get("turn", (False, False, False)))
        return cls(**values)

    @classmethod
    def of(cls, stream: VideoStream, demuxer: str) -> DecoderConfig:
        """What a container says of a stream."""
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
            tag=_tag(context),
            profile=context.profile,
            delay=context.reorder_depth,
            colorspace=context.colorspace,
            color_range=context.color_range,
        )

    @property
    def flows(self) -> bool:
        """Whether its decoder goes by the bitstream alone, so that it can go on over the start of a group of pictures.

        FFmpeg's PNG decoder, for one, adds a picture to the last one unless the container calls it a key frame.
        """
        return self.decoder in _THREADED

    def context(self, *, max_pixels: int, threads: int = 1) -> VideoCodecContext:
        """A fresh decoder; of several threads, it refuses what is damaged instead of concealing it."""
        import av

        context = cast("VideoCodecContext", av.CodecContext.create(self._find_installed(), "r"))
        context.options = {"max_pixels": str(max_coded(max_pixels))}
        context.thread_count = 1
        if threads > 1 and self.decoder in _THREADED:
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

    def _find_installed(self) -> str:
        import av

        try:
            av.Codec(self.decoder, "r")
        except av.codec.codec.UnknownCodecError:
            return self.codec
        return self.decoder


def max_coded(max_pixels: int) -> int:
    """The bound to give to libav, which counts the macroblocks that reach over the edge as well."""
    return 2 * max_pixels + (1 << 16)


def _tag(context: VideoCodecContext) -> str | None:
    try:
        return context.codec_tag
    except UnicodeDecodeError:  # PyAV decodes the four bytes as ASCII
        return None

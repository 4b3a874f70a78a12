"""Frames to an encoded file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import HtypeError, UsageError
from reelbase.plugin import brief, ordinary_scheduling

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

_BT601: Final = 6  # AVCOL_SPC_SMPTE170M: what swscale converts RGB to by default
_LIMITED: Final = 1  # AVCOL_RANGE_MPEG
_MAX_RATE: Final = 100_000
OPTIONS: Final = ("fps", "codec", "quality", "lossless")


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder and how it is told a quality.

    Attributes:
        name: FFmpeg's name.
        option: The option that takes the quality.
        best: The best quality, a low number.
        worst: The worst quality, a high number.
        default: The quality when none is given.
        extra: Options it always gets.
        odd: Pixel format that keeps odd sizes; None: it takes them as they are.
    """

    name: str
    option: str
    best: int
    worst: int
    default: int
    extra: tuple[tuple[str, str], ...] = ()
    odd: str | None = "yuv444p"


ENCODERS: Final[dict[str, Encoder]] = {
    "h264": Encoder(name="libx264", option="crf", best=0, worst=51, default=18),
    "hevc": Encoder(
        name="libx265", option="crf", best=0, worst=51, default=20, extra=(("x265-params", "log-level=none"),)
    ),
    "vp9": Encoder(name="libvpx-vp9", option="crf", best=0, worst=63, default=24, extra=(("b", "0"),), odd=None),
    "mpeg4": Encoder(name="mpeg4", option="qscale", best=1, worst=31, default=3, odd=None),
}
_LOSSLESS: Final = Encoder(name="libx264rgb", option="qp", best=0, worst=0, default=0, odd=None)
_NAMES: Final = {encoder.name: name for name, encoder in ENCODERS.items()}


def encode(
    array: NDArray[Any],
    *,
    fps: float | Fraction = 30,
    codec: str = "h264",
    quality: int | None = None,
    lossless: bool = False,
) -> bytes:
    """An mp4 file of frames. Lossy unless `lossless`: decoded frames are near the array, not equal to it.

    Args:
        array: uint8 ``(N, H, W, 3)`` RGB, at least one frame. Any size; odd ones are kept (H.264 and HEVC then
            use 4:4:4 chroma, which some players lack).
        fps: Frames a second.
        codec: "h264", "hevc", "vp9" or "mpeg4".
        quality: The codec's own scale, low is good: 0 to 51 for h264 and hevc, 0 to 63 for vp9, 1 to 31 for mpeg4.
        lossless: Store the very RGB values (H.264 in RGB; large, and not for every player).

    Raises:
        HtypeError: `array` is not frames.
        UsageError: an option makes no sense.
    """
    _check_frames(array)
    encoder = _encoder(codec, lossless=lossless, quality=quality)
    rate = _rate(fps)
    file = io.BytesIO()
    import av

    try:
        with ordinary_scheduling(), av.open(file, "w", format="mp4") as container:
            _write(container, _stream(container, encoder, rate, quality, array.shape), array)
    except (av.FFmpegError, ValueError) as error:
        height, width = array.shape[1:3]
        raise UsageError(
            f"{encoder.name} cannot encode frames of {width}x{height}: {error}.", "Try another codec=."
        ) from error
    return file.getvalue()


def _check_frames(array: NDArray[Any]) -> None:
    if array.ndim != 4 or array.shape[3] != 3 or not array.size or array.dtype != np.uint8:
        raise HtypeError(
            f"{brief(array)} is not video frames.", "Give a uint8 array of shape (N, H, W, 3), N at least 1."
        )


def _encoder(codec: str, *, lossless: bool, quality: int | None) -> Encoder:
    name = _NAMES.get(codec, codec) if isinstance(codec, str) else ""
    if name not in ENCODERS:
        raise UsageError(f"codec={codec!r} is none of {', '.join(map(repr, ENCODERS))}.")
    if lossless:
        if name != "h264" or quality is not None:
            raise UsageError("lossless=True goes with codec='h264' and no quality.", "Leave codec= and quality= out.")
        return _LOSSLESS
    encoder = ENCODERS[name]
    if quality is not None and not (isinstance(quality, int) and encoder.best <= quality <= encoder.worst):
        allowed = f"an int from {encoder.best} to {encoder.worst}, as {name} has them"
        raise UsageError(f"quality={quality!r} is not {allowed}.", "Low is good; leave it out for the default.")
    return encoder


def _rate(fps: float | Fraction) -> Fraction:
    try:
        rate = Fraction(fps).limit_denominator(1001)
    except (TypeError, ValueError, OverflowError):
        rate = Fraction(0)
    if not 0 < rate <= _MAX_RATE:
        raise UsageError(f"fps={fps!r} is not a frame rate.", "Give frames a second, such as 25 or 29.97.")
    return rate


def _stream(
    container: OutputContainer, encoder: Encoder, rate: Fraction, quality: int | None, shape: tuple[int, ...]
) -> VideoStream:
    stream: VideoStream = container.add_stream(encoder.name, rate=rate)  # type: ignore[assignment]
    stream.height, stream.width = shape[1:3]
    odd = bool(stream.height % 2 or stream.width % 2)
    lossless = encoder is _LOSSLESS
    stream.pix_fmt = "rgb24" if lossless else encoder.odd if odd and encoder.odd else "yuv420p"
    context = stream.codec_context
    value = encoder.default if quality is None else quality
    if encoder.option == "qscale":
        context.qscale, context.global_quality = True, value
    else:
        context.options = {encoder.option: str(value), **dict(encoder.extra)}
    if not lossless:
        context.colorspace, context.color_range = _BT601, _LIMITED
    return stream


def _write(container: OutputContainer, stream: VideoStream, array: NDArray[np.uint8]) -> None:
    import av

    convert = av.video.reformatter.VideoReformatter()
    for number, picture in enumerate(array):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame = convert.reformat(frame, format=stream.pix_fmt, threads=1)
        frame.pts = number
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))

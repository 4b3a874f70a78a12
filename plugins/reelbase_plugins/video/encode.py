"""Encoding of frames to an mp4 file."""

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
_MAX_FRAMES_PER_SECOND: Final = 100_000
OPTIONS: Final = ("fps", "codec", "quality", "lossless")


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder, and the option that sets its quality.

    Attributes:
        name: FFmpeg's name of the encoder.
        option: Name of the option that takes the quality.
        best: Value of the option for the best quality; the lowest one.
        worst: Value of the option for the worst quality; the highest one.
        default: Value of the option if no quality is passed.
        extra: Further options that are always passed to it.
        odd: Pixel format for odd frame sizes; None if the encoder takes them in any format.
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
    """Encode frames to an mp4 file. Unless `lossless` is True, decoded frames are close to the array, not equal to it.

    Args:
        array: uint8 ``(N, H, W, 3)`` RGB, at least one frame. Odd heights and widths are kept; H.264 and
            HEVC then use 4:4:4 chroma, which some players cannot decode.
        fps: Frames per second.
        codec: "h264", "hevc", "vp9" or "mpeg4".
        quality: On the codec's own scale, where lower is better: 0 to 51 for h264 and hevc, 0 to 63 for vp9, 1 to 31
            for mpeg4. None uses the default of the codec.
        lossless: Store the exact RGB values, as H.264 in RGB. Files are large, and some players cannot decode them.

    Raises:
        HtypeError: `array` is not an array of frames.
        UsageError: an option has a value that cannot be used.
    """
    _check_frames(array)
    encoder = _choose_encoder(codec, lossless=lossless, quality=quality)
    rate = _parse_rate(fps)
    file = io.BytesIO()
    import av

    try:
        with ordinary_scheduling(), av.open(file, "w", format="mp4") as container:
            _write_frames(container, _add_stream(container, encoder, rate, quality, array.shape), array)
    except (av.FFmpegError, ValueError) as error:
        height, width = array.shape[1:3]
        raise UsageError(
            f"{encoder.name} cannot encode frames of {width}x{height}: {error}.", "Try another codec=."
        ) from error
    return file.getvalue()


def _check_frames(array: NDArray[Any]) -> None:
    if array.ndim != 4 or array.shape[3] != 3 or not array.size or array.dtype != np.uint8:
        raise HtypeError(
            f"{brief(array)} is not video frames.", "Pass a uint8 array of shape (N, H, W, 3), with N at least 1."
        )


def _choose_encoder(codec: str, *, lossless: bool, quality: int | None) -> Encoder:
    name = _NAMES.get(codec, codec) if isinstance(codec, str) else ""
    if name not in ENCODERS:
        raise UsageError(f"codec={brief(codec)} is not one of {', '.join(map(repr, ENCODERS))}.")
    if lossless:
        if name != "h264" or quality is not None:
            raise UsageError(
                "lossless=True can only be used with codec='h264' and without quality=.",
                "Leave out codec= and quality=.",
            )
        return _LOSSLESS
    encoder = ENCODERS[name]
    if quality is not None and not (isinstance(quality, int) and encoder.best <= quality <= encoder.worst):
        allowed = f"an int from {encoder.best} to {encoder.worst}, the scale of {name}"
        raise UsageError(
            f"quality={brief(quality)} is not {allowed}.", "Lower is better; leave it out for the default."
        )
    return encoder


def _parse_rate(fps: Any) -> Fraction:
    try:
        number: Any = fps.item() if isinstance(fps, np.generic) else fps
        rate = Fraction(number).limit_denominator(1001)  # 29.97 becomes 2997/100, 30000/1001 is kept
    except (TypeError, ValueError, OverflowError):
        rate = Fraction(0)
    if not 0 < rate <= _MAX_FRAMES_PER_SECOND:
        raise UsageError(f"fps={brief(fps)} is not a frame rate.", "Pass frames per second, such as 25 or 29.97.")
    return rate


def _add_stream(
    container: OutputContainer, encoder: Encoder, rate: Fraction, quality: int | None, shape: tuple[int, ...]
) -> VideoStream:
    stream: VideoStream = container.add_stream(encoder.name, rate=rate)  # type: ignore[assignment]
    stream.height, stream.width = shape[1:3]
    is_odd = bool(stream.height % 2 or stream.width % 2)
    lossless = encoder is _LOSSLESS
    stream.pix_fmt = "rgb24" if lossless else encoder.odd if is_odd and encoder.odd else "yuv420p"
    context = stream.codec_context
    value = encoder.default if quality is None else quality
    if encoder.option == "qscale":
        context.qscale, context.global_quality = True, value
    else:
        context.options = {encoder.option: str(value), **dict(encoder.extra)}
    if not lossless:
        context.colorspace, context.color_range = _BT601, _LIMITED
    return stream


def _write_frames(container: OutputContainer, stream: VideoStream, array: NDArray[np.uint8]) -> None:
    import av

    reformatter = av.video.reformatter.VideoReformatter()
    for number, picture in enumerate(array):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame = reformatter.reformat(frame, format=stream.pix_fmt, threads=1)
        frame.pts = number
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))

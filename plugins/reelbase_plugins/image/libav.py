"""Decode and encode single images with a libav codec.

libav gets bytes only, never a path or a container. One thread is used: a single image has no other frame to work on.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from reelbase.errors import DamagedMediaError, UsageError
from reelbase.plugin import ordinary_scheduling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av import VideoCodecContext, VideoFrame
    from numpy.typing import NDArray

#: Pixel format to number of channels.
CHANNELS: Final = {"gray": 1, "rgb24": 3, "rgba": 4, "gray16le": 1, "rgb48le": 3, "rgba64le": 4}
#: Word of ``numpy(pixels=…)`` to pixel format.
FORMATS: Final = {"rgb24": "rgb24", "rgba": "rgba", "gray": "gray", "rgb48": "rgb48le", "gray16": "gray16le"}


def decode(codec: str, data: bytes, filename: str) -> VideoFrame:
    """Decode an image file that holds exactly one frame.

    Raises:
        DamagedMediaError: libav refuses the data, marks the frame as corrupt, or finds no or several frames.
    """
    import av

    context = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
    context.thread_count = 1
    packet = av.Packet(len(data))  # a copy in libav's own padded buffer: decoders read a little past the end
    packet.update(data)
    try:
        frames = [*context.decode(packet), *context.decode(None)]
    except (av.FFmpegError, ValueError, EOFError) as error:
        raise DamagedMediaError(f"{filename} cannot be decoded: {error}.", "Get an intact copy of the file.") from None
    if len(frames) != 1 or frames[0].is_corrupt:
        raise DamagedMediaError(f"{filename} is damaged: it does not decode to one whole image.", "Get an intact copy.")
    return frames[0]


def to_array(frame: VideoFrame, pixel_format: str, size: tuple[int, int] | None = None) -> NDArray[Any]:
    """Convert a frame to an array ``(H, W, C)`` in the pixel format `pixel_format`.

    `size` is ``(height, width)`` to scale to; None keeps the size of the frame.
    """
    height, width = size or (frame.height, frame.width)
    # with several threads of swscale, results differ from call to call for some formats and sizes
    converted = frame.reformat(width=width, height=height, format=pixel_format, threads=1)
    return np.ascontiguousarray(converted.to_ndarray().reshape(height, width, CHANNELS[pixel_format]))


def to_planes(frame: VideoFrame) -> dict[str, NDArray[Any]] | None:
    """Copy the planes of a frame, ``(h, w)`` each, by "y", "u", "v" and "a"; None if it is not luma and chroma alone.

    The formats are those that the decoders of PNG and JPEG give: gray of 8 or 16 bits, with and without alpha beside
    each value, and YUV of 8 bits. (YCCK of four planes is none of these: its fourth plane is black, not alpha.)
    """
    layout, parts = frame.format, frame.format.components
    if layout.is_rgb or layout.has_palette or layout.is_bit_stream or len(parts) > 3:
        return None
    names = ("y", "a") if len(parts) == 2 else ("y", "u", "v")
    stored = np.dtype("u1" if parts[0].bits == 8 else ">u2" if layout.is_big_endian else "<u2")
    step = 2 if len(parts) == 2 else 1  # gray and alpha alternate in one plane
    planes = {}
    for number, part in enumerate(parts):
        plane = frame.planes[part.plane]
        lines = np.frombuffer(cast("bytes", plane), stored).reshape(-1, plane.line_size // stored.itemsize)
        first = number if step == 2 else 0
        planes[names[number]] = lines[: part.height, first : first + step * part.width : step].astype(
            stored.newbyteorder("=")
        )
    return planes


def encode(codec: str, array: NDArray[Any], pixel_format: str, target_format: str, options: Mapping[str, str]) -> bytes:
    """Encode an array as one image.

    Args:
        codec: FFmpeg's name of the encoder.
        array: Pixels ``(H, W)`` or ``(H, W, C)``.
        pixel_format: libav's name of the pixel format of `array`.
        target_format: libav's name of the pixel format to encode.
        options: Options of the encoder.

    Raises:
        UsageError: libav refuses to encode it.
    """
    import av

    height, width = array.shape[:2]
    context = cast("VideoCodecContext", av.CodecContext.create(codec, "w"))
    context.width, context.height, context.pix_fmt = width, height, target_format
    # encoders refuse to open without a time base; an image has no time, so that any will do
    context.time_base, context.thread_count = Fraction(1, 25), 1
    context.options = dict(options)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), pixel_format)
    if target_format != pixel_format:
        frame = frame.reformat(format=target_format)
    frame.pts = 0
    try:
        with ordinary_scheduling():
            return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    except av.FFmpegError as error:
        raise UsageError(f"An image of {width}x{height} cannot be encoded as {codec}: {error}.") from None

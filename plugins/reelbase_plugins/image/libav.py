"""One picture through a libav codec: no container, no path, no threads."""

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

CHANNELS: Final = {"gray": 1, "rgb24": 3, "rgba": 4, "gray16le": 1, "rgb48le": 3, "rgba64le": 4}


def decode(codec: str, data: bytes, filename: str) -> VideoFrame:
    """The only frame of an encoded picture.

    Raises:
        DamagedMediaError: libav refuses it or calls it corrupt.
    """
    import av

    context = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
    context.thread_count = 1
    packet = av.Packet(len(data))  # libav's own buffer: decoders read a little past the end
    packet.update(data)
    try:
        frames = [*context.decode(packet), *context.decode(None)]
    except (av.FFmpegError, ValueError, EOFError) as error:
        raise DamagedMediaError(f"{filename} cannot be decoded: {error}.", "Get a whole copy of the file.") from None
    if len(frames) != 1 or frames[0].is_corrupt:
        raise DamagedMediaError(f"{filename} is damaged: no whole picture came out.", "Get a whole copy.")
    return frames[0]


def to_array(frame: VideoFrame, pixels: str, size: tuple[int, int] | None = None) -> NDArray[Any]:
    """A frame as ``(H, W, C)`` in the format `pixels`, scaled to ``size=(height, width)``."""
    height, width = size or (frame.height, frame.width)
    shown = frame.reformat(width=width, height=height, format=pixels)
    return np.ascontiguousarray(shown.to_ndarray().reshape(height, width, CHANNELS[pixels]))


def encode(codec: str, array: NDArray[Any], pixels: str, target: str, options: Mapping[str, str]) -> bytes:
    """An array ``(H, W)`` or ``(H, W, C)`` of the format `pixels`, encoded in the format `target`.

    Raises:
        UsageError: libav refuses it.
    """
    import av

    height, width = array.shape[:2]
    context = cast("VideoCodecContext", av.CodecContext.create(codec, "w"))
    context.width, context.height, context.pix_fmt = width, height, target
    context.time_base, context.thread_count = Fraction(1, 25), 1
    context.options = dict(options)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), pixels)
    if target != pixels:
        frame = frame.reformat(format=target)
    frame.pts = 0
    try:
        with ordinary_scheduling():
            return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    except av.FFmpegError as error:
        raise UsageError(f"A picture of {width}x{height} cannot be encoded as {codec}: {error}.") from None

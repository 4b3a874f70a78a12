"""Conversion of decoded frames to upright RGB arrays, by swscale."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from reelbase.errors import DamagedMediaError, FrameSizeError
from reelbase_plugins.video.decoding.malloc import reuse_freed_memory
from reelbase_plugins.video.demux.safe_open import media_errors

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

_MIN_INTERLACED_HEIGHT: Final = 4  # pixels
_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_DISPLAY_MATRIX: Final = struct.Struct("=9i")


class FrameConverter:
    """Converts frames to RGB arrays.

    It keeps swscale's tables between frames and must not be used by two threads at a time.

    Args:
        config: Decoder configuration of the video, with its colour tags, frame size and rotation.
        size: ``(height, width)`` to scale upright frames to; None keeps the size of the video.

    Attributes:
        shape: ``(height, width)`` of the arrays.
    """

    def __init__(self, config: DecoderConfig, size: tuple[int, int] | None) -> None:
        import av

        reuse_freed_memory()
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._config = config
        self._is_scaled = size is not None
        self.shape = size or config.shape
        height, width = self.shape
        self._width, self._height = (height, width) if config.turn[0] else (width, height)

    def convert_into(self, frame: VideoFrame, out: NDArray[np.uint8], label: str) -> None:
        """Write a frame into `out`, uint8 ``(H, W, 3)``.

        Raises:
            FrameSizeError: the frame has another size than the first one, and no size to scale to was given.
        """
        np.copyto(out, self._convert_upright(frame, label))

    def convert(self, frame: VideoFrame, label: str) -> NDArray[np.uint8]:
        """Convert a frame to an array that the caller owns, uint8 ``(H, W, 3)``.

        It is a view of the memory that swscale wrote to where possible, so that nothing is copied.

        Raises:
            FrameSizeError: see `convert_into`.
        """
        pixels = self._convert_upright(frame, label)
        # swscale has nothing to do for an RGB frame, whose memory may still belong to the decoder
        is_unconverted = frame.format.name == "rgb24"
        return np.array(pixels, order="C") if is_unconverted else np.ascontiguousarray(pixels)

    def _convert_upright(self, frame: VideoFrame, label: str) -> NDArray[np.uint8]:
        """Convert a frame and turn it upright; the array keeps the converted frame alive."""
        if not self._is_scaled and (frame.width, frame.height) != self._config.size:
            width, height = self._config.size
            raise FrameSizeError(
                f"{label} is {frame.width}x{frame.height}, but the video starts with {width}x{height}.",
                "Pass size=(height, width) to scale all frames to one size.",
            )
        self._set_colour_tags(frame)
        with media_errors(label, f"cannot be converted from {frame.format.name}"):
            rgb = self._convert_to_rgb(frame)
        plane = rgb.planes[0]
        lines = np.frombuffer(cast("bytes", plane), np.uint8).reshape(self._height, abs(plane.line_size))
        if plane.line_size < 0:  # stored bottom-up and in RGB already, so that swscale left it alone
            lines = lines[::-1]
        pixels = lines[:, : self._width * 3].reshape(self._height, self._width, 3)
        return turn_upright(pixels, self._config.turn)

    def _convert_to_rgb(self, frame: VideoFrame) -> VideoFrame:
        if frame.interlaced_frame and self._height < _MIN_INTERLACED_HEIGHT:
            # swscale scales each field by itself, and nothing is left of so few lines; a copy is not interlaced
            frame = frame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
        return self._reformatter.reformat(frame, self._width, self._height, "rgb24", threads=1)

    def _set_colour_tags(self, frame: VideoFrame) -> None:
        """Set the colour tags that only the container states: a decoder does not pass them on to its frames."""
        if frame.colorspace == _UNSPECIFIED:
            frame.colorspace = self._config.colorspace
        if frame.color_range == 0:
            frame.color_range = self._config.color_range


def turn_upright(pixels: NDArray[np.uint8], turn: tuple[bool, bool, bool]) -> NDArray[np.uint8]:
    """Return a view of ``(H, W, 3)`` with the axes swapped, then mirrored in x, then in y, as `turn` says."""
    swap, mirror_x, mirror_y = turn
    if swap:
        pixels = pixels.transpose(1, 0, 2)
    return pixels[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]


def read_display_matrix(frame: VideoFrame) -> tuple[tuple[bool, bool, bool], float]:
    """Read how to turn a frame upright, and by how many degrees counter-clockwise its display matrix turns it.

    The matrix maps (x, y) to (a x + c y, b x + d y) with y downwards (ISO/IEC 14496-12 6.2.2). Angles other
    than multiples of 90 degrees are returned, but frames are not turned by them.
    """
    data = next((bytes(side) for side in _list_side_data(frame) if side.type.name == "DISPLAYMATRIX"), b"")
    if len(data) < _DISPLAY_MATRIX.size:
        return (False, False, False), 0.0
    a, b, _, c, d, *_ = _DISPLAY_MATRIX.unpack_from(data)
    angle = -math.degrees(math.atan2(b, a)) if a or b else 0.0
    # a multiple of 90 degrees if the other entries are at most 1/64 of the largest one
    threshold = max(abs(a), abs(b), abs(c), abs(d)) / 64
    if max(abs(b), abs(c)) <= threshold and abs(a) > threshold:
        return (False, a < 0, d < 0), _round_angle(angle)
    if max(abs(a), abs(d)) <= threshold and abs(b) > threshold:
        return (True, c < 0, b < 0), _round_angle(angle)
    return (False, False, False), _round_angle(angle)


def _round_angle(angle: float) -> float:
    """Round to 0.001 degrees; -180 becomes 180, and -0.0 becomes 0.0."""
    return 180.0 if round(angle, 3) == -180 else round(angle, 3) + 0.0


def _list_side_data(frame: VideoFrame) -> list[Any]:
    try:
        return [frame.side_data[number] for number in range(len(frame.side_data))]  # type: ignore[literal-required]
    except ValueError:  # PyAV has no name for a newer kind of side data
        return []


def allocate_frames(count: int, shape: tuple[int, int], out: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Return `out` if it fits, or a new array ``(count, H, W, 3)`` if it is None.

    Raises:
        DamagedMediaError: the index does not state a frame size.
        UsageError: `out` has another shape or dtype, or is not C-contiguous.
    """
    from reelbase.errors import UsageError

    needed = (count, *shape, 3)
    if 0 in shape:
        raise DamagedMediaError("The frame size of this video is not known.", "Append it again.")
    if out is None:
        return np.empty(needed, np.uint8)
    if out.shape != needed or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise UsageError(
            f"out= is {out.dtype} of shape {out.shape}; {needed} is needed.", "Pass a C-contiguous uint8 array."
        )
    return out

"""Decoded frames to upright RGB arrays, through swscale."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from reelbase.errors import DamagedMediaError, FrameSizeError
from reelbase_plugins.video.decoding.malloc import reuse_freed
from reelbase_plugins.video.demux.safe_open import media_errors

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

_LOWEST_FIELDS: Final = 4
_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_MATRIX: Final = struct.Struct("=9i")


class FrameConverter:
    """Writes frames into arrays. For one thread; keeps swscale's tables between frames.

    Args:
        recipe: Colour tags, size and turning.
        size: ``(height, width)`` to scale upright frames to.
    """

    def __init__(self, recipe: DecoderConfig, size: tuple[int, int] | None) -> None:
        import av

        reuse_freed()
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._recipe = recipe
        self._scaled = size is not None
        self.shape = size or recipe.shape
        height, width = self.shape
        self._width, self._height = (height, width) if recipe.turn[0] else (width, height)

    def paint(self, frame: VideoFrame, out: NDArray[np.uint8], name: str) -> None:
        """Write a frame into `out`, uint8 ``(H, W, 3)``.

        Raises:
            FrameSizeError: the frame has another size than the first, and none was asked for.
        """
        np.copyto(out, self._pixels(frame, name))

    def picture(self, frame: VideoFrame, name: str) -> NDArray[np.uint8]:
        """A frame as an array of its own, uint8 ``(H, W, 3)``: where it lies already, if it can stay there.

        Raises:
            FrameSizeError: as `paint`.
        """
        pixels = self._pixels(frame, name)
        untouched = frame.format.name == "rgb24"  # then these may be the decoder's own
        return np.array(pixels, order="C") if untouched else np.ascontiguousarray(pixels)

    def _pixels(self, frame: VideoFrame, name: str) -> NDArray[np.uint8]:
        """Upright; an array that keeps the converted frame alive."""
        if not self._scaled and (frame.width, frame.height) != self._recipe.size:
            width, height = self._recipe.size
            raise FrameSizeError(
                f"{name} is {frame.width}x{frame.height}, but the video starts with {width}x{height}.",
                "Pass size=(height, width) to have all frames scaled to one size.",
            )
        self._tag(frame)
        with media_errors(name, f"cannot be converted from {frame.format.name}"):
            rgb = self._convert(frame)
        plane = rgb.planes[0]
        lines = np.frombuffer(cast("bytes", plane), np.uint8).reshape(self._height, abs(plane.line_size))
        if plane.line_size < 0:  # stored bottom-up, and already RGB: swscale had nothing to do
            lines = lines[::-1]
        pixels = lines[:, : self._width * 3].reshape(self._height, self._width, 3)
        return turned(pixels, self._recipe.turn)

    def _convert(self, frame: VideoFrame) -> VideoFrame:
        if frame.interlaced_frame and self._height < _LOWEST_FIELDS:
            # swscale scales each field by itself, which leaves nothing of so low a picture
            frame = frame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
        return self._reformatter.reformat(frame, self._width, self._height, "rgb24", threads=1)

    def _tag(self, frame: VideoFrame) -> None:
        """Colour tags that only the container knows do not reach frames."""
        if frame.colorspace == _UNSPECIFIED:
            frame.colorspace = self._recipe.colorspace
        if frame.color_range == 0:
            frame.color_range = self._recipe.color_range


def turned(pixels: NDArray[np.uint8], turn: tuple[bool, bool, bool]) -> NDArray[np.uint8]:
    """A view of ``(H, W, 3)`` with axes swapped, then mirrored in x, then in y."""
    swap, mirror_x, mirror_y = turn
    if swap:
        pixels = pixels.transpose(1, 0, 2)
    return pixels[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]


def display_matrix(frame: VideoFrame) -> tuple[tuple[bool, bool, bool], float]:
    """How to turn a frame upright, and the angle in degrees, counter-clockwise, that its display matrix turns by.

    The matrix maps (x, y) to (a x + c y, b x + d y) with y downwards (ISO/IEC 14496-12 6.2.2). Turns by other than
    quarter circles are reported, not done.
    """
    data = next((bytes(side) for side in _side_data(frame) if side.type.name == "DISPLAYMATRIX"), b"")
    if len(data) < _MATRIX.size:
        return (False, False, False), 0.0
    a, b, _, c, d, *_ = _MATRIX.unpack_from(data)
    angle = -math.degrees(math.atan2(b, a)) if a or b else 0.0
    large = max(abs(a), abs(b), abs(c), abs(d)) / 64
    if max(abs(b), abs(c)) <= large and abs(a) > large:
        return (False, a < 0, d < 0), _round(angle)
    if max(abs(a), abs(d)) <= large and abs(b) > large:
        return (True, c < 0, b < 0), _round(angle)
    return (False, False, False), _round(angle)


def _round(angle: float) -> float:
    return 180.0 if round(angle, 3) == -180 else round(angle, 3) + 0.0


def _side_data(frame: VideoFrame) -> list[Any]:
    try:
        return [frame.side_data[n] for n in range(len(frame.side_data))]  # type: ignore[literal-required]
    except ValueError:  # PyAV knows no name for a newer kind of side data
        return []


def fresh(count: int, shape: tuple[int, int], out: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """`out` if it fits, or a new array ``(count, H, W, 3)``.

    Raises:
        DamagedMediaError: no size is known.
        UsageError: `out` does not fit.
    """
    from reelbase.errors import UsageError

    wanted = (count, *shape, 3)
    if 0 in shape:
        raise DamagedMediaError("The frame size of this video is not known.", "Append it again.")
    if out is None:
        return np.empty(wanted, np.uint8)
    if out.shape != wanted or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise UsageError(
            f"out= is {out.dtype} of shape {out.shape}; {wanted} is needed.", "Give a C-contiguous uint8 array."
        )
    return out

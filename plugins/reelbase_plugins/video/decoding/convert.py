"""Conversion of decoded frames to upright arrays, by swscale."""

from __future__ import annotations

import math
import struct
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from reelbase.errors import DamagedMediaError, FrameSizeError, MediaError, ReelbaseError
from reelbase.plugin import PIXEL_FORMS
from reelbase_plugins.video.decoding.colour import (
    FULL,
    SMPTE170M,
    UNSPECIFIED,
    YCGCO,
    choose_matrix,
    convert_ycgco,
    has_chroma,
    rescale,
)
from reelbase_plugins.video.decoding.memory_reuse import reuse_freed_memory
from reelbase_plugins.video.demux.safe_open import libav_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane
    from numpy.typing import NDArray

    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

    Pixels = NDArray[Any]

_MIN_INTERLACED_HEIGHT: Final = 4  # pixels
_ENDIANNESS: Final = "le" if sys.byteorder == "little" else "be"  # of libav's names of formats of 16 bits
_DEPTHS_OF_444: Final = (8, 9, 10, 12, 16)  # bits for which there are formats yuv444p and yuva444p
_ABORTED_BY_SWSCALE: Final = ("yaf32le", "yaf32be")  # formats for which it ends the process instead of refusing them
_DISPLAY_MATRIX: Final = struct.Struct("=9i")


class FrameConverter:
    """Converts frames to arrays of one form, such as 8-bit RGB.

    It keeps swscale's tables between frames and must not be used by two threads at a time.

    Args:
        config: Decoder configuration of the video, with its colour tags, frame size and rotation.
        size: ``(height, width)`` to scale upright frames to; None keeps the size of the video.
        pixels: The form, one of `reelbase.plugin.PIXEL_FORMS`.

    Attributes:
        shape: ``(height, width)`` of the arrays.
    """

    def __init__(self, config: DecoderConfig, size: tuple[int, int] | None, pixels: str = "rgb24") -> None:
        import av

        reuse_freed_memory()
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._config = config
        self._is_scaled = size is not None
        self._form = PIXEL_FORMS[pixels]
        self._dtype = np.dtype(self._form.dtype)
        self._format = pixels if self._dtype.itemsize == 1 else f"{pixels}{_ENDIANNESS}"
        self.shape = size or config.shape
        height, width = self.shape
        self._width, self._height = (height, width) if config.turn[0] else (width, height)

    def convert_into(self, frame: VideoFrame, out: Pixels, label: str) -> None:
        """Write a frame into `out`, ``(H, W, C)`` of the form's dtype.

        Raises:
            FrameSizeError: the frame has another size than the first one, and no size to scale to was given.
        """
        np.copyto(out, self._convert_upright(frame, label))

    def convert(self, frame: VideoFrame, label: str) -> Pixels:
        """Convert a frame to an array that the caller owns, ``(H, W, C)`` of the form's dtype.

        It is a view of the memory that swscale wrote to where possible, so that nothing is copied.

        Raises:
            FrameSizeError: see `convert_into`.
        """
        # swscale has nothing to do for a frame of this form, whose memory may still belong to the decoder
        is_unconverted = frame.format.name == self._format
        pixels = self._convert_upright(frame, label)
        return np.array(pixels, order="C") if is_unconverted else np.ascontiguousarray(pixels)

    def _convert_upright(self, frame: VideoFrame, label: str) -> Pixels:
        """Convert a frame and turn it upright; the array keeps the converted frame alive."""
        if not self._is_scaled and (frame.width, frame.height) != self._config.size:
            raise make_size_error(frame, self._config, label)
        matrix = set_colour_tags(frame, self._config)
        with conversion_errors(frame, label):
            pixels = self._convert_ycgco(frame) if matrix == YCGCO else self._view(self._reformat(frame, self._format))
        return turn_upright(pixels, self._config.turn)

    def _reformat(self, frame: VideoFrame, pixel_format: str) -> VideoFrame:
        if frame.format.name in _ABORTED_BY_SWSCALE:
            raise ValueError("swscale cannot read this format")
        if frame.interlaced_frame and self._height < _MIN_INTERLACED_HEIGHT:
            # swscale scales each field by itself, and nothing is left of so few lines; a copy is not interlaced
            frame = frame.from_ndarray(frame.to_ndarray(format=pixel_format), format=pixel_format)
        return self._reformatter.reformat(frame, self._width, self._height, pixel_format, threads=1)

    def _view(self, frame: VideoFrame) -> Pixels:
        """View the memory of a frame that was converted to this form as ``(H, W, C)``."""
        channels = self._form.channels
        lines = view_lines(frame.planes[0], self._height, self._dtype)
        return lines[:, : self._width * channels].reshape(self._height, self._width, channels)

    def _convert_ycgco(self, frame: VideoFrame) -> Pixels:
        """Convert a YCgCo frame, whose matrix swscale does not have; it only scales the planes."""
        channels = self._form.channels
        if channels == 1:  # only luma, for which any matrix is the same
            return self._view(self._reformat(frame, self._format))
        bits = frame.format.components[0].bits
        bits = bits if bits in _DEPTHS_OF_444 else 16
        name = "yuva444p" if channels == 4 else "yuv444p"
        is_full_range = frame.color_range == FULL or frame.format.name.startswith("yuvj")
        scaled = self._reformat(frame, name if bits == 8 else f"{name}{bits}{_ENDIANNESS}")
        stored = np.dtype(np.uint8 if bits == 8 else np.uint16)
        planes = [view_lines(plane, self._height, stored)[:, : self._width] for plane in scaled.planes]
        rgb = convert_ycgco(np.stack(planes[:3]), bits, self._dtype, is_full_range=is_full_range)
        if channels == 3:
            return rgb
        alpha = rescale(planes[3][..., np.newaxis], (1 << bits) - 1, self._dtype)
        return np.concatenate([rgb, alpha], axis=-1)


class AlphaConverter(FrameConverter):
    """Converts frames whose luma is the alpha channel of others: values go from 0 to 255, whatever their tags say."""

    def __init__(self, config: DecoderConfig, size: tuple[int, int] | None) -> None:
        super().__init__(config, size, "gray")

    def _convert_upright(self, frame: VideoFrame, label: str) -> Pixels:
        frame.colorspace, frame.color_range = SMPTE170M, FULL
        return super()._convert_upright(frame, label)


def set_colour_tags(frame: VideoFrame, config: DecoderConfig) -> int:
    """Set the colour tags that swscale converts a frame by, and return the AVColorSpace that its values are in.

    Tags that only the container states are set here, because a decoder does not pass them on to its frames. A matrix
    that swscale does not have is replaced.
    """
    if frame.colorspace == UNSPECIFIED:
        frame.colorspace = config.colorspace
    if frame.color_range == 0:
        frame.color_range = config.color_range
    matrix, _ = choose_matrix(frame.colorspace, frame.color_primaries)
    if matrix == YCGCO:
        frame.colorspace = SMPTE170M  # swscale refuses the tag, even where only the size changes
        return YCGCO if has_chroma(frame) else SMPTE170M
    if matrix != frame.colorspace:
        frame.colorspace = matrix
    return matrix


def view_lines(plane: VideoPlane, height: int, dtype: np.dtype[Any]) -> Pixels:
    """View the memory of a plane as ``(height, values of a line)``, padding of the lines included."""
    lines = np.frombuffer(cast("bytes", plane), np.uint8)
    line_bytes = abs(plane.line_size)
    lines = lines[: height * line_bytes].reshape(height, line_bytes)
    if plane.line_size < 0:  # stored bottom-up, and left alone by swscale
        lines = lines[::-1]
    return lines if dtype.itemsize == 1 else lines.view(dtype)


def make_size_error(
    frame: VideoFrame,
    config: DecoderConfig,
    label: str,
    hint: str = "Pass size=(height, width) to scale all frames to one size.",
) -> FrameSizeError:
    """Return the error for a frame of another size than the first one."""
    width, height = config.size
    what = f"{label} is {frame.width}x{frame.height}, but the video starts with {width}x{height}."
    return FrameSizeError(what, hint)


@contextmanager
def conversion_errors(frame: VideoFrame, label: str) -> Iterator[None]:
    """Turn errors of a conversion into MediaError, naming the pixel format and colour matrix of the frame."""
    try:
        yield
    except ReelbaseError:
        raise
    except libav_errors() as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"{label} cannot be converted from {frame.format.name} to RGB: {reason}.",
            "Convert the file with ffmpeg, for example with -pix_fmt yuv420p.",
        ) from error


def turn_upright(pixels: Pixels, turn: tuple[bool, bool, bool]) -> Pixels:
    """Return a view of ``(H, W, C)`` with the axes swapped, then mirrored in x, then in y, as `turn` says."""
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


def allocate_frames(count: int, shape: tuple[int, int], out: Pixels | None, pixels: str = "rgb24") -> Pixels:
    """Return `out` if it fits, or a new array ``(count, H, W, C)`` of the form `pixels` if it is None.

    Raises:
        DamagedMediaError: the index does not state a frame size.
        UsageError: `out` has another shape or dtype, or is not C-contiguous.
    """
    from reelbase.errors import UsageError

    form = PIXEL_FORMS[pixels]
    needed = (count, *shape, form.channels)
    if 0 in shape:
        raise DamagedMediaError("The frame size of this video is not known.", "Append it again.")
    if out is None:
        return np.empty(needed, form.dtype)
    if out.shape != needed or out.dtype != form.dtype or not out.flags.c_contiguous:
        raise UsageError(
            f"out= is {out.dtype} of shape {out.shape}; {needed} is needed.",
            f"Pass a C-contiguous {form.dtype} array.",
        )
    return out

"""Colour matrices: which one swscale converts a frame with, and those that it does not have.

Numbers are those of AVColorSpace, AVColorPrimaries and AVColorRange, which are the code points of ITU-T H.273.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

UNSPECIFIED: Final = 2
BT709, FCC, SMPTE170M, SMPTE240M, BT2020_NCL = 1, 4, 6, 7, 9
YCGCO: Final = 8
_BT2020_CL: Final = 10
_CHROMA_DERIVED: Final = (12, 13)
LIMITED, FULL = 1, 2
#: What swscale converts with. 0 is RGB; with a YUV format swscale takes it for BT.601.
_KNOWN_TO_SWSCALE: Final = frozenset((0, BT709, UNSPECIFIED, FCC, 5, SMPTE170M, SMPTE240M, BT2020_NCL))
#: Primaries to the matrix that H.273 derives from them (8.3, MatrixCoefficients 12), where swscale has it: BT.709, BT.
#: 470 M, SMPTE 170M and 240M (which have the same primaries), and BT.2020.
_MATRIX_OF_PRIMARIES: Final = {1: BT709, 4: FCC, 6: SMPTE240M, 7: SMPTE240M, 9: BT2020_NCL}


def choose_matrix(colorspace: int, primaries: int) -> tuple[int, bool]:
    """Choose what to convert a frame with.

    Matrices that swscale does not have are replaced as ``sws_getCoefficients`` replaces them, which OpenCV, torchcodec
    and older versions of ffmpeg convert with: BT.2020 with constant luminance by the one without, all others by BT.601.
    YCgCo is kept: `convert_ycgco` is exact. So are matrices derived from the primaries, if swscale has the derived one.

    Args:
        colorspace: AVColorSpace of the frame.
        primaries: AVColorPrimaries of the frame.

    Returns:
        AVColorSpace to convert with, and whether it gives the colours that were meant.
    """
    if colorspace in _KNOWN_TO_SWSCALE or colorspace == YCGCO:
        return colorspace, True
    if colorspace == _BT2020_CL:
        return BT2020_NCL, False
    if colorspace in _CHROMA_DERIVED:
        derived = _MATRIX_OF_PRIMARIES.get(primaries)
        is_constant_luminance = colorspace == _CHROMA_DERIVED[1]
        return derived or SMPTE170M, derived is not None and not is_constant_luminance
    return SMPTE170M, False


def has_chroma(frame: VideoFrame) -> bool:
    """Return True if a frame is stored as luma and chroma, so that a matrix is needed."""
    layout = frame.format
    return len(layout.components) > 2 and not layout.is_rgb and not layout.name.startswith("xyz")


def convert_ycgco(planes: NDArray[Any], bits: int, dtype: np.dtype[Any], *, is_full_range: bool) -> NDArray[Any]:
    """Convert YCgCo to RGB (ITU-T H.273 8.3, MatrixCoefficients 8), exactly but for rounding of the result.

    Args:
        planes: ``(3, H, W)``: Y, Cg and Co, of uint8 or uint16, all of one size.
        bits: Bits of a value.
        dtype: uint8 or uint16: the dtype of the result.
        is_full_range: False if values are in the limited range, 16 to 235 of 8 bits.

    Returns:
        ``(H, W, 3)``, from 0 to the largest value of `dtype`.
    """
    luma, green, orange = planes.astype(np.int64)
    green -= 1 << (bits - 1)
    orange -= 1 << (bits - 1)
    magenta = luma - green
    rgb = np.stack([magenta + orange, luma + green, magenta - orange], axis=-1)
    if is_full_range:
        return rescale(rgb, (1 << bits) - 1, dtype)
    # H.273 makes YCgCo of RGB values that are in the limited range themselves
    return rescale(rgb - (16 << (bits - 8)), 219 << (bits - 8), dtype)


def rescale(values: NDArray[Any], top: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Scale values from 0 to `top` to the range of a dtype, rounding halves up; what is outside is clipped."""
    largest = int(np.iinfo(dtype).max)
    scaled = (values.astype(np.int64) * (2 * largest) + top) // (2 * top)
    clipped: NDArray[Any] = np.clip(scaled, 0, largest).astype(dtype)
    return clipped

"""JPEG (ITU-T T.81): 8-bit baseline and progressive."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase_plugins.image import libav
from reelbase_plugins.image.picture import Header, PictureCodec, make_damaged_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Frame headers SOF0 to SOF15; C4, C8 and CC in that range are DHT, JPG and DAC (table B.1).
_FRAME_HEADER_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_END_OF_IMAGE: Final = 0xD9
#: The next marker after a scan. Within one, FF 00 is data, FF D0 to FF D7 are restarts and FF FF is fill (B.1.1.2).
_MARKER_PATTERN: Final = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])", re.DOTALL)
_PIXEL_FORMATS_BY_SUBSAMPLING: Final = {"4:2:0": "yuvj420p", "4:2:2": "yuvj422p", "4:4:4": "yuvj444p"}
_COARSEST_QSCALE, _FINEST_QSCALE = 31, 1


class JpegCodec(PictureCodec):
    """JPEG images. Gray files decode to C = 1, all others to C = 3. An Exif orientation is not applied."""

    decoder: ClassVar[str] = "mjpeg"

    def read_header(self, data: bytes, filename: str) -> Header:
        """Read size and components from the frame header (SOF). All segments up to the end marker must be present."""
        if data[:2] != b"\xff\xd8":
            raise make_damaged_error(filename, "it does not start with a JPEG marker")
        frame_header = None
        for marker, payload in _iter_segments(data, filename):
            if marker in _FRAME_HEADER_MARKERS and frame_header is None:
                if len(payload) < 6:
                    raise make_damaged_error(filename, "its frame header is too short")
                frame_header = struct.unpack_from(">BHHB", payload)
        if frame_header is None:
            raise make_damaged_error(filename, "it has no frame header")
        bits, height, width, components = frame_header
        if not width or not height:
            raise make_damaged_error(filename, f"its header gives a size of {width}x{height}")
        return Header(width=width, height=height, pixel_format="gray" if components == 1 else "rgb24", bits=bits)

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """Encode an array as a baseline JPEG file.

        Args:
            array: uint8 ``(H, W, 3)``; ``(H, W)`` and ``(H, W, 1)`` are stored in colour and decode to C = 3.
            **options: `quality`, from 1 to 100 (default 90), maps linearly to libav's quantiser scale from 31 to 1,
                not to libjpeg's tables. `subsampling` is "4:2:0" (default), "4:2:2" or "4:4:4".

        Raises:
            UsageError: the array has another shape or dtype, or an option is unknown or out of range.
        """
        quality, subsampling = options.pop("quality", 90), options.pop("subsampling", "4:2:0")
        if options or subsampling not in _PIXEL_FORMATS_BY_SUBSAMPLING or not 1 <= quality <= 100:
            passed = {**options, "quality": quality, "subsampling": subsampling}
            hint = "Pass quality=1 to 100 and subsampling='4:2:0', '4:2:2' or '4:4:4'."
            raise UsageError(f"jpeg cannot be encoded with the options {passed!r}.", hint)
        qscale = round(_COARSEST_QSCALE - (quality - 1) / 99 * (_COARSEST_QSCALE - _FINEST_QSCALE))
        qscale_options = {"qmin": str(qscale), "qmax": str(qscale)}  # equal bounds fix the quantiser
        return libav.encode(
            "mjpeg", _expand_to_rgb(array), "rgb24", _PIXEL_FORMATS_BY_SUBSAMPLING[subsampling], qscale_options
        )


def _expand_to_rgb(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or array.dtype != np.uint8 or 0 in array.shape:
        raise UsageError(
            f"An array of shape {array.shape} and dtype {array.dtype} cannot be stored as JPEG.",
            "Pass a uint8 array of shape (H, W), (H, W, 1) or (H, W, 3).",
        )
    return np.broadcast_to(array, (*array.shape[:2], 3))


def _iter_segments(data: bytes, filename: str) -> Iterator[tuple[int, bytes]]:
    """Yield marker and payload of each segment up to the end marker. Scan data between segments is skipped."""
    at = 2
    while True:
        at = _find_marker(data, at, filename)
        marker, at = data[at + 1], at + 2
        if marker == _END_OF_IMAGE:
            return
        length = int.from_bytes(data[at : at + 2])
        if length < 2 or at + length > len(data):
            raise make_damaged_error(filename, f"its segment at byte {at - 2} is cut off")
        yield marker, data[at + 2 : at + length]
        at += length


def _find_marker(data: bytes, at: int, filename: str) -> int:
    match = _MARKER_PATTERN.search(data, at)
    if match is None or match.start() + 2 > len(data):
        raise make_damaged_error(filename, f"it ends at byte {len(data)}, before its end marker")
    return match.start()

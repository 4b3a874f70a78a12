"""JPEG (ITU-T T.81): 8-bit baseline and progressive."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase_plugins.image import libav
from reelbase_plugins.image.picture import Header, PictureCodec, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EOI: Final = 0xD9
#: In a scan FF 00 is data, FF D0 to D7 restarts and FF FF fills: the next marker is any other (B.1.1.2).
_MARKER: Final = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])", re.DOTALL)
_SUBSAMPLING: Final = {"4:2:0": "yuvj420p", "4:2:2": "yuvj422p", "4:4:4": "yuvj444p"}
_COARSEST, _FINEST = 31, 1


class JpegCodec(PictureCodec):
    """JPEG pictures: C = 1 for gray files, 3 for all others. An Exif orientation is not applied."""

    decoder: ClassVar[str] = "mjpeg"

    def header(self, data: bytes, filename: str) -> Header:
        """Size and components from the frame header (SOF); all segments up to EOI must be there."""
        if data[:2] != b"\xff\xd8":
            raise damaged(filename, "it does not begin as a JPEG")
        found = None
        for marker, payload in _segments(data, filename):
            if marker in _SOF and found is None:
                if len(payload) < 6:
                    raise damaged(filename, "its frame header is too short")
                found = struct.unpack_from(">BHHB", payload)
        if found is None:
            raise damaged(filename, "it has no frame header")
        bits, height, width, components = found
        if not width or not height:
            raise damaged(filename, f"its header says {width}x{height}")
        return Header(width=width, height=height, pixels="gray" if components == 1 else "rgb24", bits=bits)

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """Bytes of a baseline JPEG.

        Args:
            array: uint8 ``(H, W, 3)``; ``(H, W)`` and ``(H, W, 1)`` are stored as colour and decode to C = 3.
            **options: `quality`, 1 to 100 (default 90; libav's quantiser scale 31 to 1, not libjpeg's table),
                and `subsampling`, "4:2:0" (default), "4:2:2" or "4:4:4".

        Raises:
            UsageError: not such an array, or other options.
        """
        quality, chroma = options.pop("quality", 90), options.pop("subsampling", "4:2:0")
        if options or chroma not in _SUBSAMPLING or not 1 <= quality <= 100:
            given = {**options, "quality": quality, "subsampling": chroma}
            todo = "It takes quality=1 to 100 and subsampling='4:2:0', '4:2:2' or '4:4:4'."
            raise UsageError(f"jpeg does not know the options {given!r}.", todo)
        scale = round(_COARSEST - (quality - 1) / 99 * (_COARSEST - _FINEST))
        limits = {"qmin": str(scale), "qmax": str(scale)}
        return libav.encode("mjpeg", _rgb(array), "rgb24", _SUBSAMPLING[chroma], limits)


def _rgb(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or array.dtype != np.uint8 or 0 in array.shape:
        raise UsageError(
            f"An array of shape {array.shape} and dtype {array.dtype} makes no JPEG.",
            "Give (H, W), (H, W, 1) or (H, W, 3), uint8.",
        )
    return np.broadcast_to(array, (*array.shape[:2], 3))


def _segments(data: bytes, filename: str) -> Iterator[tuple[int, bytes]]:
    """Marker and payload of each segment up to EOI; the scans between them are stepped over."""
    at = 2
    while True:
        at = _next_marker(data, at, filename)
        marker, at = data[at + 1], at + 2
        if marker == _EOI:
            return
        length = int.from_bytes(data[at : at + 2])
        if length < 2 or at + length > len(data):
            raise damaged(filename, f"its segment at byte {at - 2} is cut off")
        yield marker, data[at + 2 : at + length]
        at += length


def _next_marker(data: bytes, at: int, filename: str) -> int:
    found = _MARKER.search(data, at)
    if found is None or found.start() + 2 > len(data):
        raise damaged(filename, f"it ends at byte {len(data)}, before its end marker")
    return found.start()

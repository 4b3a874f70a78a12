"""PNG (ISO/IEC 15948, W3C PNG specification third edition): lossless, 8 or 16 bits."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase_plugins.image import libav
from reelbase_plugins.image.picture import Header, PictureCodec, make_damaged_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Colour type to channels; a palette (3) is decoded to its colours, and gray with alpha (4) to RGBA.
_CHANNELS_BY_COLOUR_TYPE: Final = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}
#: Channels and bits of a decoded value to libav's name of the pixel format.
_PIXEL_FORMATS: Final = {(1, 8): "gray", (3, 8): "rgb24", (4, 8): "rgba"} | {
    (1, 16): "gray16le",
    (3, 16): "rgb48le",
    (4, 16): "rgba64le",
}


class PngCodec(PictureCodec):
    """PNG images.

    Gray decodes to C = 1, colour and palette to C = 3, and anything with transparency to C = 4, gray with alpha
    included. 16-bit files decode to uint16, all others to uint8 (gray of 1, 2 and 4 bits is scaled to 0 to 255).
    """

    decoder: ClassVar[str] = "png"

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for all PNG files but animations, whose other pictures would be lost without a word."""
        return not is_animated(head)

    def read_header(self, data: bytes, filename: str) -> Header:
        """Read size and colour from the chunks IHDR and tRNS. The length and CRC of every chunk are checked."""
        if data[:8] != _SIGNATURE:
            raise make_damaged_error(filename, "it does not start with the PNG signature")
        chunks = dict(_iter_chunks(data, filename))
        ihdr = chunks.get(b"IHDR", b"")
        if len(ihdr) != 13 or b"IDAT" not in chunks:
            raise make_damaged_error(filename, "it has no IHDR or IDAT chunk")
        width, height, depth, colour = struct.unpack_from(">IIBB", ihdr)
        if not width or not height or colour not in _CHANNELS_BY_COLOUR_TYPE:
            raise make_damaged_error(filename, f"its header gives a size of {width}x{height} and colour type {colour}")
        channels = 4 if b"tRNS" in chunks else _CHANNELS_BY_COLOUR_TYPE[colour]
        return Header(
            width=width, height=height, pixel_format=_PIXEL_FORMATS[channels, 16 if depth == 16 else 8], bits=depth
        )

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """Encode an array as a PNG file that decodes to the same values.

        Args:
            array: uint8 or uint16, ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``.
            **options: `level`, zlib's compression level from 0 (none) to 9 (smallest file); default 6.

        Raises:
            UsageError: the array has another shape or dtype, or an option is unknown or out of range.
        """
        level = options.pop("level", 6)
        if options or level not in range(10):
            passed = {**options, "level": level}
            raise UsageError(f"png cannot be encoded with the options {passed!r}.", "Pass level=0 to 9.")
        pixel_format = _find_pixel_format(array)
        flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
        return libav.encode(
            "png", flat, pixel_format, pixel_format.replace("le", "be"), {"compression_level": str(level)}
        )


def is_animated(head: bytes) -> bool:
    """Return True if the chunk acTL, which precedes picture data (IDAT), states more than one picture."""
    at = len(_SIGNATURE)
    while at + 12 <= len(head) and head[at + 4 : at + 8] != b"IDAT":
        if head[at + 4 : at + 8] == b"acTL":
            return int.from_bytes(head[at + 8 : at + 12]) > 1
        at += 12 + int.from_bytes(head[at : at + 4])
    return False


def _find_pixel_format(array: NDArray[Any]) -> str:
    channels = 1 if array.ndim == 2 else array.shape[-1]
    bits = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16}.get(array.dtype)
    if array.ndim not in (2, 3) or (channels, bits) not in _PIXEL_FORMATS or 0 in array.shape:
        raise UsageError(
            f"An array of shape {array.shape} and dtype {array.dtype} cannot be stored as PNG.",
            "Pass a uint8 or uint16 array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).",
        )
    return _PIXEL_FORMATS[channels, bits or 8]


def _iter_chunks(data: bytes, filename: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and payload of each chunk up to IEND. The payload of IDAT is empty: no caller needs it."""
    at, view = 8, memoryview(data)
    while True:
        if at + 12 > len(data):
            raise make_damaged_error(filename, f"it ends at byte {len(data)}, before its IEND chunk")
        length = int.from_bytes(view[at : at + 4])
        kind, stop = bytes(view[at + 4 : at + 8]), at + 8 + length
        if stop + 4 > len(data):
            raise make_damaged_error(filename, f"its chunk at byte {at} is cut off")
        if zlib.crc32(view[at + 4 : stop]) != int.from_bytes(view[stop : stop + 4]):
            raise make_damaged_error(filename, f"the checksum of its chunk at byte {at} is wrong")
        yield kind, b"" if kind == b"IDAT" else bytes(view[at + 8 : stop])
        if kind == b"IEND":
            return
        at = stop + 4

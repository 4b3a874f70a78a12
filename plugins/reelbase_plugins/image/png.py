"""PNG (ISO/IEC 15948, W3C PNG specification third edition): lossless, 8 or 16 bits."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase_plugins.image import libav
from reelbase_plugins.image.picture import Header, PictureCodec, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_COLOURS: Final = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}
_PIXELS: Final = {(1, 8): "gray", (3, 8): "rgb24", (4, 8): "rgba"} | {
    (1, 16): "gray16le",
    (3, 16): "rgb48le",
    (4, 16): "rgba64le",
}


class PngCodec(PictureCodec):
    """PNG pictures.

    Gray decodes to C = 1, colour and palette to 3, anything with transparency to 4 (gray with alpha too);
    16-bit files to uint16, all others to uint8 (1, 2 and 4-bit gray is spread over 0 to 255).
    """

    decoder: ClassVar[str] = "png"

    def header(self, data: bytes, filename: str) -> Header:
        """Size and colour from IHDR and tRNS; every chunk's length and CRC is checked."""
        if data[:8] != _SIGNATURE:
            raise damaged(filename, "it does not begin as a PNG")
        chunks = dict(_chunks(data, filename))
        ihdr = chunks.get(b"IHDR", b"")
        if len(ihdr) != 13 or b"IDAT" not in chunks:
            raise damaged(filename, "it has no IHDR or IDAT chunk")
        width, height, depth, colour = struct.unpack_from(">IIBB", ihdr)
        if not width or not height or colour not in _COLOURS:
            raise damaged(filename, f"its header says {width}x{height}, colour type {colour}")
        channels = 4 if b"tRNS" in chunks else _COLOURS[colour]
        return Header(width=width, height=height, pixels=_PIXELS[channels, 16 if depth == 16 else 8], bits=depth)

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """Bytes of a PNG that decodes to the same values.

        Args:
            array: uint8 or uint16, ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``.
            **options: `level`, 0 to 9: how hard zlib tries (default 6).

        Raises:
            UsageError: not such an array, or another option.
        """
        level = options.pop("level", 6)
        if options or level not in range(10):
            given = {**options, "level": level}
            raise UsageError(f"png does not know the options {given!r}.", "It takes level=0 to 9.")
        pixels = _pixels_of(array)
        flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
        return libav.encode("png", flat, pixels, pixels.replace("le", "be"), {"compression_level": str(level)})


def _pixels_of(array: NDArray[Any]) -> str:
    channels = 1 if array.ndim == 2 else array.shape[-1]
    bits = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16}.get(array.dtype)
    if array.ndim not in (2, 3) or (channels, bits) not in _PIXELS or 0 in array.shape:
        raise UsageError(
            f"An array of shape {array.shape} and dtype {array.dtype} makes no PNG.",
            "Give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16.",
        )
    return _PIXELS[channels, bits or 8]


def _chunks(data: bytes, filename: str) -> Iterator[tuple[bytes, bytes]]:
    """Kind and payload of each chunk up to IEND; of image data nothing, to copy less."""
    at, view = 8, memoryview(data)
    while True:
        if at + 12 > len(data):
            raise damaged(filename, f"it ends at byte {len(data)}, before its IEND chunk")
        length = int.from_bytes(view[at : at + 4])
        kind, stop = bytes(view[at + 4 : at + 8]), at + 8 + length
        if stop + 4 > len(data):
            raise damaged(filename, f"its chunk at byte {at} is cut off")
        if zlib.crc32(view[at + 4 : stop]) != int.from_bytes(view[stop : stop + 4]):
            raise damaged(filename, f"the checksum of its chunk at byte {at} does not hold")
        yield kind, b"" if kind == b"IDAT" else bytes(view[at + 8 : stop])
        if kind == b"IEND":
            return
        at = stop + 4

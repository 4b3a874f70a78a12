"""What the codecs png and jpeg share.

The file's structure is checked in Python before libav sees it, so that sizes over the limit and truncated files are
refused before anything is decoded.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from reelbase.errors import DamagedMediaError, LimitError, UsageError
from reelbase.plugin import PIXEL_FORMS, Codec, Ingested, MediaInfo
from reelbase_plugins.image import libav

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Plan


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an image file's own header says.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
        pixel_format: libav's name of the pixel format to decode to: gray, rgb24, rgba or one of their 16-bit forms.
        bits: Bits of one value in the file. Values of more than 8 bits decode to uint16.
    """

    width: int
    height: int
    pixel_format: str
    bits: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape ``(H, W, C)`` of the decoded array."""
        return (self.height, self.width, libav.CHANNELS[self.pixel_format])

    @property
    def dtype(self) -> str:
        """Dtype of the decoded array: uint16 for more than 8 bits, else uint8."""
        return "uint16" if self.bits > 8 else "uint8"


class PictureCodec(Codec):
    """A codec for files of one image, decoded to ``(H, W, C)`` with the channels that the file has.

    Attributes:
        decoder: FFmpeg's name of the decoder.
    """

    decoder: ClassVar[str]
    pixels: ClassVar[tuple[str, ...]] = (*PIXEL_FORMS, "yuv")

    @abstractmethod
    def read_header(self, data: bytes, filename: str) -> Header:
        """Check the file's structure up to its end, and return what the header says.

        Raises:
            DamagedMediaError: `data` is not in this format, or ends too early.
        """

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """Read the header, and decode the image once unless `check` is "none".

        Raises:
            DamagedMediaError: the file is damaged.
            LimitError: the image has more pixels than allowed.
            UsageError: `stream` is a number other than 0.
        """
        if stream:
            raise UsageError(f"{filename} is a single image: it has no stream {stream}.", "Leave out stream=.")
        data = blob.read()
        header = self._read_header_within_limits(data, filename)
        if check != "none":
            self._decode(data, header, filename, None)
        details = {
            "shape": list(header.shape),
            "dtype": header.dtype,
            "bits": header.bits,
            "format": self.name,
            "filename": filename,
        }
        return Ingested(info=MediaInfo(shape=header.shape, codec=self.name, details=details))

    def decode(
        self,
        blob: Blob,
        plan: Plan | None,
        *,
        out: NDArray[np.uint8] | None = None,
        size: tuple[int, int] | None = None,
        pixels: str | None = None,
    ) -> NDArray[Any]:
        """Decode the image to ``(H, W, C)``, uint8 or uint16: channels and bits of the file, unless `pixels` is passed.

        Raises:
            DamagedMediaError: the file is damaged.
            LimitError: the image has more pixels than allowed.
            UsageError: `out` has another shape or dtype.
        """
        data = blob.read()
        header = self._read_header_within_limits(data, blob.key)
        array = self._decode(data, header, blob.key, size, pixels)
        if out is None:
            return array
        if out.shape != array.shape or out.dtype != array.dtype:
            needed = f"shape {array.shape} and dtype {array.dtype}"
            raise UsageError(f"out has shape {out.shape} and dtype {out.dtype}.", f"This image needs {needed}.")
        out[...] = array
        return out

    def decode_planes(self, blob: Blob, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """Decode the image to its planes ``(h, w)``.

        Raises:
            DamagedMediaError: the file is damaged.
            LimitError: the image has more pixels than allowed.
            UsageError: the image is not stored as luma and chroma, as PNG never is unless it is gray.
        """
        data = blob.read()
        self._read_header_within_limits(data, blob.key)
        planes = libav.to_planes(libav.decode(self.decoder, data, blob.key))
        if planes is None:
            raise UsageError(
                f"{blob.key} is not stored as luma and chroma: it has no such planes.",
                "Pass pixels='rgb24' or 'rgba', or 'rgb48' for more than 8 bits.",
            )
        return planes

    def _read_header_within_limits(self, data: bytes, filename: str) -> Header:
        header = self.read_header(data, filename)
        pixels = header.width * header.height
        if pixels > self.limits.max_pixels:
            raise LimitError(
                f"{filename} is {header.width}x{header.height}: {pixels} pixels are more than allowed.",
                f"The limit is {self.limits.max_pixels} pixels; if you trust the file, raise max_pixels in [security].",
            )
        return header

    def _decode(
        self, data: bytes, header: Header, filename: str, size: tuple[int, int] | None, pixels: str | None = None
    ) -> NDArray[Any]:
        frame = libav.decode(self.decoder, data, filename)
        if (frame.height, frame.width) != header.shape[:2]:
            raise make_damaged_error(
                filename, f"it decodes to {frame.width}x{frame.height}, but its header gives another size"
            )
        return libav.to_array(frame, libav.FORMATS[pixels] if pixels else header.pixel_format, size)


def make_damaged_error(filename: str, reason: str) -> DamagedMediaError:
    """Return the error for an image file that cannot be used."""
    return DamagedMediaError(f"{filename} is damaged: {reason}.", "Get an intact copy of the file.")

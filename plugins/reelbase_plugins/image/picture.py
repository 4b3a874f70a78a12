"""What png and jpeg have in common: a header that is read without libav, then one picture decoded whole."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from reelbase.errors import DamagedMediaError, LimitError, UsageError
from reelbase.plugin import Codec, Ingested, MediaInfo
from reelbase_plugins.image import libav

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Plan


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a picture's own header says.

    Attributes:
        width: Pixels.
        height: Pixels.
        pixels: libav's name of the pixel format to show it in: gray, rgb24, rgba or their 16-bit forms.
        bits: Bits of one value in the file.
    """

    width: int
    height: int
    pixels: str
    bits: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(H, W, C)`` of the decoded array."""
        return (self.height, self.width, libav.CHANNELS[self.pixels])

    @property
    def dtype(self) -> str:
        """uint16 for more than 8 bits, else uint8."""
        return "uint16" if self.bits > 8 else "uint8"


class PictureCodec(Codec):
    """One picture, decoded to ``(H, W, C)`` with the channels that the file has."""

    decoder: ClassVar[str]

    @abstractmethod
    def header(self, data: bytes, filename: str) -> Header:
        """Walk through the file's structure, to its end.

        Raises:
            DamagedMediaError: it is no such file, or ends too early.
        """

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """Read the header, and decode the picture once unless `check` is "none".

        Raises:
            DamagedMediaError, LimitError: it cannot be used.
            UsageError: `stream` is given and not 0.
        """
        if stream:
            raise UsageError(f"{filename} is one picture: there is no stream {stream}.", "Leave stream= out.")
        data = blob.read()
        header = self._checked_header(data, filename)
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
    ) -> NDArray[Any]:
        """The picture as ``(H, W, C)``, uint8 or uint16.

        Raises:
            DamagedMediaError, LimitError: it cannot be decoded.
        """
        data = blob.read()
        header = self._checked_header(data, blob.key)
        array = self._decode(data, header, blob.key, size)
        if out is None:
            return array
        if out.shape != array.shape or out.dtype != array.dtype:
            wanted = f"shape {array.shape} and dtype {array.dtype}"
            raise UsageError(f"out has shape {out.shape} and dtype {out.dtype}.", f"This picture needs {wanted}.")
        out[...] = array
        return out

    def _checked_header(self, data: bytes, filename: str) -> Header:
        header = self.header(data, filename)
        pixels = header.width * header.height
        if pixels > self.limits.max_pixels:
            raise LimitError(
                f"{filename} is {header.width}x{header.height}: {pixels} pixels are over the limit.",
                f"The limit is {self.limits.max_pixels}; if you trust it, raise max_pixels in [security].",
            )
        return header

    def _decode(self, data: bytes, header: Header, filename: str, size: tuple[int, int] | None) -> NDArray[Any]:
        frame = libav.decode(self.decoder, data, filename)
        if (frame.height, frame.width) != header.shape[:2]:
            raise damaged(filename, f"it decodes to {frame.width}x{frame.height}, unlike its header")
        return libav.to_array(frame, header.pixels, size)


def damaged(filename: str, why: str) -> DamagedMediaError:
    """The error for a picture that cannot be used."""
    return DamagedMediaError(f"{filename} is damaged: {why}.", "Get a whole copy of the file.")

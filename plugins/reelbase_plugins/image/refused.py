"""Pictures and animations that are recognised only to say what to do with them: none can be decoded exactly here.

FFmpeg's WebP decoder has no animation, and of a HEIF picture it decodes the tiles one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from reelbase.errors import MediaError
from reelbase.plugin import Codec, Ingested

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, Plan

_SEQUENCE_BRANDS: Final = frozenset({b"msf1", b"avis", b"hevc", b"hevx"})  # HEIF of several pictures is a video


class RefusedPicture(Codec):
    """A format that the registry refuses as soon as it has recognised it (`CodecSpec.refusal`)."""

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """See `Codec.ingest`; always refused."""
        raise MediaError(f"{filename} is {self.name}, which cannot be read.", "Convert it.")

    def decode(
        self,
        blob: Blob,
        plan: Plan | None,
        *,
        out: NDArray[np.uint8] | None = None,
        size: tuple[int, int] | None = None,
        pixels: str | None = None,
    ) -> NDArray[Any]:
        """See `Codec.decode`; always refused."""
        raise MediaError(f"Pictures of the format {self.name} cannot be read.", "Convert them.")


class StillHeif(RefusedPicture):
    """HEIC and AVIF pictures (ISO/IEC 23008-12)."""

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True if no brand in the first box says that the file is also a sequence of pictures."""
        size = int.from_bytes(head[:4])
        brands = {head[at : at + 4] for at in range(8, min(size, len(head)), 4)}
        return not brands & _SEQUENCE_BRANDS


class AnimatedWebp(RefusedPicture):
    """WebP with an animation."""

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True if the header chunk VP8X says that there is an animation."""
        return _is_animated_webp(head)


class StillWebp(RefusedPicture):
    """WebP of one picture."""

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for all WebP but animations."""
        return not _is_animated_webp(head)


def _is_animated_webp(head: bytes) -> bool:
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 2)

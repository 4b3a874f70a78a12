"""The codec contract: bytes of one sample to arrays and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from reelbase.errors import UsageError
from reelbase.media.media_info import Limits, MediaInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from reelbase.io.blob import Blob
    from reelbase.media.frame_index import FrameIndex, Plan

_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """What one pass over a sample found.

    Attributes:
        info: Shape and facts.
        index: The frame index; None for a codec that decodes its samples whole.
    """

    info: MediaInfo
    index: FrameIndex | None = None


@dataclass(frozen=True, kw_only=True)
class WebStream:
    """How a browser's own decoder is told of a stream (W3C WebCodecs, VideoDecoderConfig).

    Attributes:
        codec: Codec string (RFC 6381), such as "avc1.64001f".
        description: Settings that stand outside the packets; empty: they are in them.
        size: Width and height of coded frames.
        turn: (swap axes, mirror x, mirror y) to bring a frame upright, in this order.
    """

    codec: str
    description: bytes
    size: tuple[int, int]
    turn: tuple[bool, bool, bool] = (False, False, False)


@dataclass(frozen=True, kw_only=True)
class WebClip:
    """Frames encoded again for a browser, one packet each, in order; the first is a key frame, no other is.

    Attributes:
        stream: For the decoder.
        packets: Bytes of each frame.
    """

    stream: WebStream
    packets: Sequence[bytes]


class Codec(ABC):
    """Bytes of one sample to arrays and back. Stateless to the eye: results depend on (blob, plan) alone.

    Subclass `reelbase.testing.CodecTests` to see that a codec keeps the contract.

    Args:
        name: The name of its spec, stored with every sample.
        limits: Bounds on what may be decoded.

    Attributes:
        pixels: The words of ``numpy(pixels=…)`` that `decode` and `stream` take as `pixels`, such as "gray16"; with
            "yuv" among them, `decode_planes` is implemented. Empty by default: `pixels` is then never passed.
    """

    pixels: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, *, limits: Limits | None = None) -> None:
        self.name = name
        self.limits = limits or Limits()

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Whether the first bytes (up to 4096) are this codec's; asked when the magic of several codecs matches."""
        return True

    @abstractmethod
    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """Look through a sample once.

        Args:
            blob: The bytes as stored.
            spool: Where to write packets when they cannot be decoded from where they lie (`FrameIndex.repacked`).
            filename: For ``sample_info`` and messages.
            check: "sample", "full" or "none": how much of the index to verify by decoding.
            stream: Which of the file's video streams, counted from 0; the best by default.

        Raises:
            DamagedMediaError, LimitError, MediaError: it cannot be used; the message names `filename`.
        """

    def skim(self, blob: Blob, *, filename: str, stream: int | None = None) -> Ingested | None:
        """What a few small reads tell of a sample whose bytes are far away and stay there.

        Frames that are decoded by it must be those that `ingest` would lead to.

        Args:
            blob: The sample.
            filename: For ``sample_info`` and messages.
            stream: As in `ingest`.

        Returns:
            None, as by default: it takes all of the bytes, by `ingest`.

        Raises:
            DamagedMediaError, LimitError, MediaError: it cannot be used.
        """
        return None

    @abstractmethod
    def decode(
        self,
        blob: Blob,
        plan: Plan | None,
        *,
        out: NDArray[np.uint8] | None = None,
        size: tuple[int, int] | None = None,
        pixels: str | None = None,
    ) -> NDArray[Any]:
        """The planned frames as ``(len(plan.rows), H, W, 3)`` uint8 RGB, in the order they were requested.

        A codec without `Codec.pixels` may leave out the argument `pixels`.

        Args:
            blob: The bytes to decode from: the sample, or its repacked packets.
            plan: From the sample's own `FrameIndex`; None for a codec without one: the whole array.
            out: A C-contiguous array of exactly the result's shape and dtype to write into and return.
            size: ``(height, width)`` to scale to.
            pixels: Another form than 8-bit RGB, of those in `Codec.pixels` but "yuv": "rgba", "gray" ``(…, 1)``,
                "rgb48" and "gray16" (uint16). For single pictures, None means the channels and bits of the file.

        Raises:
            DamagedMediaError: a wanted frame did not come out; the message names frame and packet.
            FrameSizeError: frames of several sizes, and no `size`.
        """

    def decode_planes(self, blob: Blob, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """The planned frames as the decoder gives them: one array per plane, neither converted nor turned.

        Args:
            blob: As in `decode`.
            plan: As in `decode`.

        Returns:
            Arrays ``(len(plan.rows), h, w)``, or ``(h, w)`` for a sample without a plan, by "y", "u", "v" and "a", as
            many of them as there are. uint8, or uint16 with values of the stream's own bits.

        Raises:
            UsageError: the sample is not stored as luma and chroma, or this codec has no planes.
        """
        raise UsageError(f"The codec {self.name!r} gives no pixels='yuv'.", "Leave out pixels=.")

    def stream(
        self, blob: Blob, plan: Plan, *, size: tuple[int, int] | None = None, pixels: str | None = None
    ) -> Iterator[NDArray[Any]]:
        """The distinct planned frames, ascending, one ``(H, W, 3)`` array at a time, in bounded memory.

        `pixels` is as in `decode`, and is passed only to codecs with `Codec.pixels`.
        """
        form = {} if pixels is None else {"pixels": pixels}
        for at in range(0, len(plan.frames), _BATCH):
            yield from self.decode(blob, plan.index.plan(plan.frames[at : at + _BATCH]), size=size, **form)  # type: ignore[arg-type]

    def web_stream(self, index: FrameIndex) -> WebStream | None:
        """How a browser may decode the packets of an index by itself; None: it cannot."""
        return None

    def web_clip(self, frames: Iterable[NDArray[np.uint8]]) -> WebClip | None:
        """Frames, each ``(H, W, 3)``, in a form that every browser decodes; None: not by this codec."""
        return None

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """Bytes of a sample from an array.

        Raises:
            UsageError: this codec does not encode, or not such an array, or knows no such option.
        """
        raise UsageError(
            f"The codec {self.name!r} does not encode arrays.", "Give an encoded file: reelbase.read(path)."
        )

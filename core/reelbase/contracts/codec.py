"""The codec contract: from the bytes of one sample to arrays, and back."""

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

FRAMES_PER_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """The result of one pass over a sample.

    Attributes:
        info: The sample's shape and facts.
        index: The frame index; None for a codec that always decodes whole samples.
    """

    info: MediaInfo
    index: FrameIndex | None = None


@dataclass(frozen=True, kw_only=True)
class WebStream:
    """The configuration of a browser's own decoder for a stream (W3C WebCodecs, VideoDecoderConfig).

    Attributes:
        codec: Codec string (RFC 6381), such as "avc1.64001f".
        description: Decoder settings that are stored outside the packets; empty if they are in the packets.
        size: ``(width, height)`` of coded frames, in pixels.
        turn: ``(swap axes, mirror x, mirror y)``: the steps that bring a decoded frame upright, in this order.
    """

    codec: str
    description: bytes
    size: tuple[int, int]
    turn: tuple[bool, bool, bool] = (False, False, False)


@dataclass(frozen=True, kw_only=True)
class WebClip:
    """Frames that were encoded again for a browser, one packet each, in order. Only the first is a key frame.

    Attributes:
        stream: The configuration of the browser's decoder.
        packets: The bytes of each frame.
    """

    stream: WebStream
    packets: Sequence[bytes]


class Codec(ABC):
    """Decodes the bytes of samples to arrays, and encodes arrays.

    Methods may be called from several threads. A codec may cache, but its results depend on the arguments alone.
    Subclass `reelbase.testing.CodecTests` to test a codec against the contract.

    Args:
        name: The name of the codec's spec, which is stored with every sample.
        limits: Bounds on what may be decoded; None uses the defaults of `Limits`.

    Attributes:
        pixels: The words of ``numpy(pixels=…)`` that `decode` and `stream` take as `pixels`, such as "gray16". With
            "yuv" among them, `decode_planes` is implemented. Empty by default: `pixels` is then never passed.
    """

    pixels: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, *, limits: Limits | None = None) -> None:
        self.name = name
        self.limits = limits or Limits()

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True if a file is of this codec's format.

        Called if the magic of its spec matches the file, or if no magic does and its spec has `CodecSpec.probe`.

        Args:
            head: The first 4096 bytes of the file, or all of a shorter file.
        """
        return True

    @abstractmethod
    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """Read a sample once, and build its facts and frame index.

        Args:
            blob: The bytes of the sample, as they are stored.
            spool: A temporary file. Packets that cannot be decoded from their place in the file are written to it
                (`FrameIndex.repacked`).
            filename: The file's name for ``sample_info`` and messages.
            check: How much of the index to verify by decoding: "sample", "full" or "none".
            stream: Which of the file's video streams to use, counted from 0. None uses the stream that players show.

        Raises:
            DamagedMediaError, LimitError, MediaError: the sample cannot be used. The message names `filename`.
        """

    def skim(self, blob: Blob, *, filename: str, stream: int | None = None, check: str = "sample") -> Ingested | None:
        """Index a remote file by a few small reads, without reading all of it.

        It is used for links. The index must lead to the same frames as that of `ingest`.

        Args:
            blob: The bytes of the file.
            filename: The file's name for ``sample_info`` and messages.
            stream: Which video stream to use, as in `ingest`.
            check: "none" takes the headers as true; ``sample_info["trust"]`` is then "header". A codec may leave out
                the argument: it is passed only for links with ``verify=False``.

        Returns:
            Facts and frame index; or None if only `ingest`, which reads the whole file, can index it. By default None.

        Raises:
            DamagedMediaError, LimitError, MediaError: the sample cannot be used.
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
        """Decode the planned frames, or a whole sample.

        A codec without `Codec.pixels` may leave out the argument `pixels`.

        Args:
            blob: The bytes to decode from: the sample, or its repacked packets.
            plan: Which frames to decode, from the sample's own `FrameIndex`. None for a codec without an index: the
                whole sample is decoded.
            out: A C-contiguous array of exactly the result's shape and dtype, to write into and return. None makes a
                new array.
            size: ``(height, width)`` in pixels to scale frames to; None keeps their size.
            pixels: Another form than 8-bit RGB, one of `Codec.pixels` except "yuv": "rgba", "gray" (C = 1), "rgb48" or
                "gray16" (both uint16). For single pictures, None means the channels and bits of the file.

        Returns:
            uint8 RGB ``(len(plan.rows), H, W, 3)``, or C and dtype of `pixels`, in the order of the request; without a
            plan the sample's array.

        Raises:
            DamagedMediaError: a requested frame could not be decoded. The message names frame and packet.
            FrameSizeError: the frames have several sizes, and `size` is None.
        """

    def decode_planes(self, blob: Blob, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """Decode the planned frames, or a whole sample, to planes as they are: neither converted nor turned upright.

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
        """Yield the distinct planned frames in ascending order, uint8 ``(H, W, 3)`` each, in bounded memory.

        Args:
            blob: The bytes to decode from, as in `decode`.
            plan: Which frames to decode.
            size: ``(height, width)`` in pixels to scale frames to; None keeps their size.
            pixels: Another form than 8-bit RGB, as in `decode`.

        Raises as `decode`.
        """
        form: dict[str, Any] = {} if pixels is None else {"pixels": pixels}
        for at in range(0, len(plan.frames), FRAMES_PER_BATCH):
            yield from self.decode(blob, plan.index.plan(plan.frames[at : at + FRAMES_PER_BATCH]), size=size, **form)

    def web_stream(self, index: FrameIndex) -> WebStream | None:
        """Return how a browser can decode the stored packets itself; None if it cannot.

        Args:
            index: The frame index of the video.
        """
        return None

    def web_clip(self, frames: Iterable[NDArray[np.uint8]]) -> WebClip | None:
        """Encode frames in a form that every browser decodes; None if this codec cannot.

        Args:
            frames: uint8 RGB ``(H, W, 3)`` each, all of one size.
        """
        return None

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """Encode an array as the bytes of a sample.

        Args:
            array: Frames ``(N, H, W, 3)`` or an image ``(H, W, 3)``, as the codec accepts them.
            **options: Options of the codec.

        Raises:
            UsageError: this codec does not encode, does not accept such an array, or does not have such an option.
        """
        raise UsageError(
            f"The codec {self.name!r} does not encode arrays.", "Give an encoded file: reelbase.read(path)."
        )

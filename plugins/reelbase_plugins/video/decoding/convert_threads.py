"""Conversion of frames beside their decoding, in threads of its own."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from reelbase_plugins.video.decoding.convert import FrameConverter

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

    Pixels = NDArray[np.uint8]

_AHEAD: Final = 3  # frames a painter that may wait: more would only be held

T = TypeVar("T")


class ConversionPool:
    """Paints frames into arrays. A context manager: when it ends, all is painted, or nothing is any more.

    Args:
        recipe: Decoder configuration of the video.
        size: ``(height, width)`` to scale upright frames to.
        threads: That paint; 0: who brings a frame paints it.

    Attributes:
        ahead: Frames that are held unpainted, at most.
    """

    def __init__(self, recipe: DecoderConfig, size: tuple[int, int] | None, threads: int) -> None:
        self._painters = deque(FrameConverter(recipe, size) for _ in range(max(1, threads)))
        self._pool = ThreadPoolExecutor(threads, "reelbase-paint") if threads else None
        self.ahead = threads * _AHEAD
        self._wet: deque[Future[Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._dry(0)
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def paint(self, frame: VideoFrame, out: Pixels, name: str) -> None:
        """Write a frame into `out`, now or soon.

        Raises:
            FrameSizeError: this frame, or one before, has another size than the first.
        """
        self._do(FrameConverter.paint, frame, out, name)

    def picture(self, frame: VideoFrame, name: str) -> Future[Pixels]:
        """A frame as an array of its own, now or soon.

        Raises:
            FrameSizeError: as `paint`.
        """
        return self._do(FrameConverter.picture, frame, name)

    def _do(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        if self._pool is None:
            done: Future[T] = Future()
            done.set_result(work(self._painters[0], *arguments))
            return done
        future = self._pool.submit(self._with_painter, work, *arguments)
        self._wet.append(future)
        self._dry(self.ahead)
        return future

    def _dry(self, wet: int) -> None:
        while len(self._wet) > wet:
            self._wet.popleft().result()

    def _with_painter(self, work: Callable[..., T], *arguments: Any) -> T:
        painter = self._painters.popleft()
        try:
            return work(painter, *arguments)
        finally:
            self._painters.append(painter)

"""Conversion of frames beside their decoding, in threads of its own."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self

from reelbase_plugins.video.convert import Painter

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase_plugins.video.recipe import Recipe

_AHEAD: Final = 3  # frames a painter that may wait: more would only be held
_PAINTED: Final[Future[None]] = Future()
_PAINTED.set_result(None)


class Painting:
    """Paints frames into arrays. A context manager: when it ends, all is painted, or nothing is any more.

    Args:
        recipe: Of the video.
        size: ``(height, width)`` to scale upright frames to.
        threads: That paint; 0: who brings a frame paints it.

    Attributes:
        shape: Height and width of what is painted.
        ahead: Frames that are held unpainted, at most.
    """

    def __init__(self, recipe: Recipe, size: tuple[int, int] | None, threads: int) -> None:
        self._painters = deque(Painter(recipe, size) for _ in range(max(1, threads)))
        self._pool = ThreadPoolExecutor(threads, "reelbase-paint") if threads else None
        self.shape = self._painters[0].shape
        self.ahead = threads * _AHEAD
        self._wet: deque[Future[None]] = deque()

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

    def paint(self, frame: VideoFrame, out: NDArray[np.uint8], name: str) -> Future[None]:
        """Write a frame into `out`, now or soon; when, the future tells.

        Raises:
            FrameSizeError: this frame, or one before, has another size than the first.
        """
        if self._pool is None:
            self._painters[0].paint(frame, out, name)
            return _PAINTED
        self._wet.append(self._pool.submit(self._paint, frame, out, name))
        self._dry(self.ahead)
        return self._wet[-1]

    def _dry(self, wet: int) -> None:
        while len(self._wet) > wet:
            self._wet.popleft().result()

    def _paint(self, frame: VideoFrame, out: NDArray[np.uint8], name: str) -> None:
        painter = self._painters.popleft()
        try:
            painter.paint(frame, out, name)
        finally:
            self._painters.append(painter)

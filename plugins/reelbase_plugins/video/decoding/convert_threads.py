"""Conversion of frames in threads of their own, while further frames are decoded."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from av.video.frame import VideoFrame

_FRAMES_AHEAD_PER_THREAD: Final = 3  # that may wait for conversion; more would only take memory

T = TypeVar("T")


class Converter(Protocol):
    """Converts frames, one at a time: `FrameConverter` or `PlaneConverter`."""

    def convert_into(self, frame: VideoFrame, out: Any, label: str) -> None:
        """Write a frame into `out`."""

    def convert(self, frame: VideoFrame, label: str) -> Any:
        """Convert a frame to what the caller owns."""


class ConversionPool:
    """Converts frames, in threads or in the caller.

    A context manager: when its block ends, all frames are converted; after an error the remaining ones are dropped.

    Args:
        make_converter: Makes a converter; called once per thread.
        threads: Number of threads that convert; 0 converts each frame in the thread that passes it.

    Attributes:
        max_waiting: Maximum number of frames that wait for conversion. Passing another one waits for the oldest.
    """

    def __init__(self, make_converter: Callable[[], Converter], threads: int) -> None:
        self._converters = deque(make_converter() for _ in range(max(1, threads)))
        self._pool = ThreadPoolExecutor(threads, "reelbase-convert") if threads else None
        self.max_waiting = threads * _FRAMES_AHEAD_PER_THREAD
        self._waiting: deque[Future[Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._wait_until(0)
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def convert_into(self, frame: VideoFrame, out: Any, label: str) -> None:
        """Write a frame into `out`, at once or in a thread.

        Raises:
            FrameSizeError: this frame or an earlier one has another size than the first.
        """
        self._submit(_convert_into, frame, out, label)

    def convert(self, frame: VideoFrame, label: str) -> Future[Any]:
        """Convert a frame to an array that the caller owns, at once or in a thread.

        Raises:
            FrameSizeError: see `convert_into`.
        """
        return self._submit(_convert, frame, label)

    def _submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        if self._pool is None:
            done: Future[T] = Future()
            done.set_result(work(self._converters[0], *arguments))
            return done
        future = self._pool.submit(self._run_with_converter, work, *arguments)
        self._waiting.append(future)
        self._wait_until(self.max_waiting)
        return future

    def _wait_until(self, count: int) -> None:
        """Wait until at most `count` frames are not converted; raise what a conversion raised."""
        while len(self._waiting) > count:
            self._waiting.popleft().result()

    def _run_with_converter(self, work: Callable[..., T], *arguments: Any) -> T:
        converter = self._converters.popleft()  # there is one per thread, so that one is always free
        try:
            return work(converter, *arguments)
        finally:
            self._converters.append(converter)


def _convert_into(converter: Converter, frame: VideoFrame, out: Any, label: str) -> None:
    converter.convert_into(frame, out, label)


def _convert(converter: Converter, frame: VideoFrame, label: str) -> Any:
    return converter.convert(frame, label)

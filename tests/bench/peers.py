"""One adapter a library, all with the same few methods, written as its own documentation would have it."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

CHUNK = 16


@dataclass(frozen=True)
class Place:
    """Where a video lies: the file as it is, and a dataset whose row 0 holds it."""

    file: str
    dataset: str


class Peer(ABC):
    """A video opened for reading."""

    name: ClassVar[str]
    shows: ClassVar[bool] = True  #: whether one gets to see its frames

    @abstractmethod
    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        """Open a video; `size` is the ``(height, width)`` that frames are wanted in."""

    @abstractmethod
    def frames(self, numbers: Sequence[int]) -> Frames:
        """Uint8 RGB ``(N, H, W, 3)`` in host memory; `numbers` ascend."""

    @abstractmethod
    def walk(self) -> Iterator[Frames]:
        """The whole video from its start in bounded memory, some frames at a time."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Of the library."""


class Reelbase(Peer):
    """Ours, from a dataset on disk."""

    name = "reelbase"

    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        import reelbase

        # How many threads: as many as there are processors that the process may run on; see worker.py
        self._video = reelbase.load(place.dataset).videos[0]
        self._size = size

    def frames(self, numbers: Sequence[int]) -> Frames:
        return self._video[list(numbers)].numpy(size=self._size)

    def walk(self) -> Iterator[Frames]:
        for frame in self._video.frames(size=self._size):
            yield frame[np.newaxis]

    @classmethod
    def version(cls) -> str:
        import reelbase

        return reelbase.__version__


class PyAV(Peer):
    """Seek to the key frame before, decode up to what is wanted. Takes pictures for evenly spaced."""

    name = "pyav"

    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        import av

        height, width = size or (None, None)
        self._how = {"format": "rgb24", "width": width, "height": height}
        self._file = av.open(place.file)
        self._stream = self._file.streams.video[0]
        self._stream.thread_count = threads
        self._stream.thread_type = "NONE" if threads == 1 else "AUTO"
        self._ticks = 1 / (self._stream.average_rate * self._stream.time_base)
        self._start = self._stream.start_time or 0

    def frames(self, numbers: Sequence[int]) -> Frames:
        self._file.seek(self._pts(numbers[0]), stream=self._stream)
        wanted = iter(numbers)
        number = next(wanted)
        found = []
        for frame in self._file.decode(self._stream):
            if frame.pts < self._pts(number) - self._ticks / 2:
                continue
            found.append(frame.to_ndarray(**self._how))
            number = next(wanted, -1)
            if number < 0:
                break
        return np.stack(found)

    def walk(self) -> Iterator[Frames]:
        self._file.seek(self._start, stream=self._stream)
        for frame in self._file.decode(self._stream):
            yield frame.to_ndarray(**self._how)[np.newaxis]

    def _pts(self, number: int) -> int:
        return self._start + round(number * self._ticks)

    @classmethod
    def version(cls) -> str:
        import av

        return av.__version__


class _TorchCodec(Peer):
    mode: ClassVar[Literal["exact", "approximate"]]

    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        import torch
        from torchcodec.decoders import VideoDecoder
        from torchcodec.transforms import Resize

        torch.set_num_threads(threads)
        self._video = VideoDecoder(
            place.file,
            dimension_order="NHWC",
            num_ffmpeg_threads=threads,
            seek_mode=self.mode,
            device="cpu",
            transforms=[Resize(size)] if size else None,
        )

    def frames(self, numbers: Sequence[int]) -> Frames:
        if len(numbers) == 1:
            return self._video.get_frame_at(numbers[0]).data.numpy()[np.newaxis]
        steps = set(np.diff(numbers).tolist())
        if len(steps) == 1:
            (step,) = steps
            return self._video.get_frames_in_range(numbers[0], numbers[-1] + 1, step).data.numpy()
        return self._video.get_frames_at(list(numbers)).data.numpy()

    def walk(self) -> Iterator[Frames]:
        for start in range(0, len(self._video), CHUNK):
            stop = min(start + CHUNK, len(self._video))
            yield self._video.get_frames_in_range(start, stop).data.numpy()

    @classmethod
    def version(cls) -> str:
        import torchcodec

        return torchcodec.__version__


class TorchCodecExact(_TorchCodec):
    """Scans the file when it is opened."""

    name = "torchcodec"
    mode = "exact"


class TorchCodecApproximate(_TorchCodec):
    """Goes by the header's frame rate."""

    name = "torchcodec-approx"
    mode = "approximate"


class Decord(Peer):
    """Scans the file when it is opened."""

    name = "decord"

    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        import decord

        height, width = size or (-1, -1)
        self._video = decord.VideoReader(place.file, num_threads=threads, width=width, height=height)

    def frames(self, numbers: Sequence[int]) -> Frames:
        if len(numbers) == 1:
            return self._video[numbers[0]].asnumpy()[np.newaxis]
        return self._video.get_batch(list(numbers)).asnumpy()

    def walk(self) -> Iterator[Frames]:
        self._video.seek_accurate(0)
        for _ in range(len(self._video)):
            yield self._video.next().asnumpy()[np.newaxis]

    @classmethod
    def version(cls) -> str:
        import decord

        return decord.__version__


class Decord2(Decord):
    """The same package name, kept going by others; see README.md for how it gets a folder of its own."""

    name = "decord2"


class OpenCV(Peer):
    """Sets the position, then reads on; frames that are not wanted are grabbed, which leaves the conversion out."""

    name = "opencv"

    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self._video = cv2.VideoCapture(place.file, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        if not self._video.isOpened():
            raise OSError(f"OpenCV cannot open {place.file}")
        self._size = size

    def frames(self, numbers: Sequence[int]) -> Frames:
        import cv2

        self._video.set(cv2.CAP_PROP_POS_FRAMES, numbers[0])
        at, found = numbers[0], []
        for number in numbers:
            while at < number:
                self._video.grab()
                at += 1
            found.append(self._next())
            at += 1
        return np.stack(found)

    def walk(self) -> Iterator[Frames]:
        import cv2

        self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
        while (frame := self._next()) is not None:
            yield frame[np.newaxis]

    def _next(self) -> Frames | None:
        import cv2

        there, frame = self._video.read()
        if not there:
            return None
        if self._size:
            frame = cv2.resize(frame, self._size[::-1])
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    @classmethod
    def version(cls) -> str:
        import cv2

        return cv2.__version__


class FFmpeg(Peer):
    """The program itself: it reads from the start, and converts; the pictures go nowhere."""

    name = "ffmpeg"
    shows = False

    def __init__(self, place: Place, threads: int, size: tuple[int, int] | None = None) -> None:
        import imageio_ffmpeg

        filters = f"scale={size[1]}:{size[0]},format=rgb24" if size else "format=rgb24"
        program = imageio_ffmpeg.get_ffmpeg_exe()
        self._command = [program, "-v", "error", "-nostdin", "-threads", str(threads), "-filter_threads", str(threads)]
        self._command += ["-i", place.file, "-vf", filters, "-fps_mode", "passthrough", "-f", "null", "-"]

    def frames(self, numbers: Sequence[int]) -> Frames:
        raise NotImplementedError("ffmpeg is asked for whole videos only")

    def walk(self) -> Iterator[Frames]:
        subprocess.run(self._command, check=True)
        return iter(())

    @classmethod
    def version(cls) -> str:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_version()


PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (Reelbase, PyAV, TorchCodecExact, TorchCodecApproximate, Decord, Decord2, OpenCV, FFmpeg)
}


def opened(name: str, place: Place, threads: int, size: tuple[int, int] | None = None) -> Peer:
    """The peer of that name."""
    return PEERS[name](place, threads, size)

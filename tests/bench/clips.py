"""The clips that are measured: made on the spot, the same bytes every time, each of five hundred frames.

What they show pans over a texture, with boxes that move across it and a little grain, so that encoders find motion
to follow and every frame differs from every other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from reelbase.plugin import ordinary_scheduling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

FRAMES: Final = 500
FPS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What to encode.

    Attributes:
        name: Names the file and the row of the table.
        codec: Encoder.
        size: ``(height, width)``.
        gop: Frames from one key frame to the next.
        frames: How many are encoded.
        times: How often they are repeated, without being encoded again.
        options: For the encoder.
        suffix: Names the container.
    """

    name: str
    codec: str
    size: tuple[int, int] = (360, 640)
    gop: int = 250
    frames: int = FRAMES
    times: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ".mp4"

    def made(self, folder: Path) -> Path:
        """The file in `folder`, encoded if it is not there."""
        path = folder / (self.name + self.suffix)
        if not path.exists():
            part = path.with_suffix(".part" + self.suffix)
            self._encode(part)
            if self.times > 1:
                self._repeat(part, again := path.with_suffix(".again" + self.suffix))
                part.unlink()
                part = again
            part.rename(path)
        return path

    def _repeat(self, once: Path, path: Path) -> None:
        with av.open(str(once)) as file, av.open(str(path), "w", options={"fflags": "+bitexact"}) as out:
            stream = file.streams.video[0]
            copy = out.add_stream_from_template(stream)
            length = stream.duration
            for time in range(self.times):
                file.seek(0)
                for packet in file.demux(stream):
                    if packet.size:
                        packet.pts += time * length
                        packet.dts += time * length
                        packet.stream = copy
                        out.mux(packet)

    def _encode(self, path: Path) -> None:
        os.environ.setdefault("SVT_LOG", "1")
        with ordinary_scheduling(), av.open(str(path), "w", options={"fflags": "+bitexact"}) as out:
            stream = out.add_stream(self.codec, rate=FPS, options=dict(self.options))
            stream.height, stream.width = self.size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.gop_size = self.gop
            stream.codec_context.thread_count = 1
            for number, picture in enumerate(_Scene(self.size).pictures(self.frames)):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts = number
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))


_X264: Final = {"preset": "medium", "crf": "23", "bf": "3", "sc_threshold": "0", "flags": "+bitexact"}
_FAST: Final = {"preset": "veryfast", "crf": "23", "bf": "3", "sc_threshold": "0", "flags": "+bitexact"}
_X265: Final = {"preset": "fast", "x265-params": "log-level=none:scenecut=0:pools=none:frame-threads=1:open-gop=0"}

CLIPS: Final = (
    Clip(name="h264", codec="libx264", options=_X264),
    Clip(name="h264-gop30", codec="libx264", gop=30, options=_X264),
    Clip(name="h264-720p", codec="libx264", size=(720, 1280), options=_X264),
    Clip(name="hevc", codec="libx265", options=_X265),
    Clip(name="vp9", codec="libvpx-vp9", gop=125, suffix=".webm", options={"cpu-used": "5", "b": "1M"}),
    Clip(name="av1", codec="libsvtav1", gop=125, options={"preset": "9", "crf": "35"}),
)

#: For how cost grows: with the distance of key frames, and with length.
GOPS: Final = tuple(Clip(name=f"gop-{gop}", codec="libx264", gop=gop, options=_FAST) for gop in (10, 30, 100, 250, 500))
LENGTHS: Final = tuple(
    Clip(name=f"length-{100 * n}", codec="libx264", gop=50, frames=100, times=n, size=(180, 320), options=_FAST)
    for n in (1, 10, 100, 1000)
)
HOUR: Final = Clip(
    name="hour-720p",
    codec="libx264",
    frames=250,
    times=3600 * FPS // 250,
    size=(720, 1280),
    options={**_FAST, "crf": "40"},
)


class _Scene:
    """A camera that moves over a texture."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._height, self._width = size
        self._random = np.random.default_rng(7)
        self._texture = self._clouds((self._height * 2, self._width * 2))

    def pictures(self, count: int) -> Iterator[Picture]:
        """Uint8 ``(H, W, 3)`` each."""
        return map(self._picture, range(count))

    def _picture(self, number: int) -> Picture:
        top = int(self._height * (0.5 + 0.4 * np.sin(number / 40)))
        left = int(self._width * (0.5 + 0.4 * np.sin(number / 57)))
        picture = self._texture[top : top + self._height, left : left + self._width].astype(np.int16)
        for k in range(4):
            self._box(picture, number, k)
        grain = self._random.integers(-3, 4, (self._height, self._width, 1), np.int16)
        return np.clip(picture + grain, 0, 255).astype(np.uint8)

    def _box(self, picture: NDArray[np.int16], number: int, k: int) -> None:
        side = self._height // 6
        top = (number * (k + 1) + k * 83) % (self._height - side)
        left = (number * (3 - k) + k * 211) % (self._width - side)
        picture[top : top + side, left : left + side] = (60 * k, 255 - 50 * k, 40 + 50 * k)

    def _clouds(self, size: tuple[int, int]) -> Picture:
        """Noise at several scales, the coarse the stronger."""
        total = np.zeros((*size, 3))
        for cell in (4, 16, 64):
            coarse = self._random.random((size[0] // cell + 2, size[1] // cell + 2, 3))
            rows, columns = np.arange(size[0]) // cell, np.arange(size[1]) // cell
            total += coarse[rows][:, columns] * cell**0.5
        return (total / total.max() * 255).astype(np.uint8)

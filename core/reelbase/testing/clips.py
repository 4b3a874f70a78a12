"""Frame-coded clips: small videos made on the spot in which every frame spells its own number.

A `ClipRecipe` says what to encode; `ClipRecipe.make` writes the file and returns a `Clip`, which knows what a full
sequential decode must show: the number of every frame in display order, and when it is shown. No frame is read back
for that;
it follows from what was encoded. Needs PyAV (``reelbase[av]``), imported on use::

    clip = make_clip(tmp_path / "a.mkv", container="matroska", codec="libx264", frames=30, bframes=3)
    frame = ...  # frame 7, decoded in any way
    assert read_code(frame) == clip.codes[7]
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from reelbase._util.scheduling import ordinary_scheduling
from reelbase.errors import UsageError
from reelbase.testing._codes import CODES, draw_code, read_code

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Packets = list[Packet[VideoStream]]

__all__ = [
    "CODES",
    "UPRIGHT",
    "Clip",
    "ClipRecipe",
    "Feed",
    "Maker",
    "Matrix",
    "Track",
    "corpus",
    "draw_code",
    "make_clip",
    "read_code",
    "upright",
]  # fmt: skip

Matrix = tuple[int, int, int, int]
Feed = Callable[[int | None], None]  #: takes each frame's number counted from 0, then None

UPRIGHT: Final[Matrix] = (1, 0, 0, 1)  #: the display matrix of pictures that are stored as they are shown


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A file, and what a full sequential decode of it shows.

    Attributes:
        path: The file.
        codes: int64 ``(N,)``: what each frame spells, in display order.
        pts: int64 ``(N,)``: when each frame is shown, in `time_base` units; None where the container does not say.
        time_base: Seconds a unit.
        size: ``(height, width)`` of the frames as they are shown, upright; of the first when they differ.
        matrix: Display matrix that turns the stored pictures upright; see `upright`.
        main: Which of the file's video streams it is about, counted from 0.
        resized: The frame size changes midway.
    """

    path: Path
    codes: NDArray[np.int64]
    pts: NDArray[np.int64] | None
    time_base: Fraction
    size: tuple[int, int]
    matrix: Matrix = UPRIGHT
    main: int = 0
    resized: bool = False

    @property
    def times(self) -> list[Fraction] | None:
        """When each frame is shown, in seconds; None where the container does not say."""
        return None if self.pts is None else [int(pts) * self.time_base for pts in self.pts]


Maker = Callable[[Path], Clip]  #: writes a clip to a path and describes it


class Track(Protocol):
    """A further stream of a file beside its video."""

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        """Add the stream; returns what is called with every frame's number, and with None at the end."""
        ...


@dataclass(frozen=True)
class Pictures:
    """The coded pictures of a recipe, as a video stream.

    Attributes:
        change: Turns the list of all encoded packets into those that are written.
    """

    change: Callable[[Packets], Packets] = list

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        """Add the stream; see `Track`."""
        stream = _video_stream(out, recipe)
        ticks = recipe.ticks()
        packets: Packets = []

        def feed(number: int | None) -> None:
            if number is None:
                out.mux(self.change([*packets, *stream.encode(None)]))
                return
            frame = recipe.picture(number)
            frame.pts, frame.time_base = ticks[number], 1 / Fraction(recipe.fps)
            packets.extend(stream.encode(frame))

        return feed


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """What to encode.

    Attributes:
        container: libavformat's name of the muxer.
        codec: Name of the encoder.
        frames: How many.
        first: What the first frame spells; the others count on from it.
        size: ``(height, width)`` as shown.
        fps: Frames a second.
        gop: Frames from one key frame to the next, at most.
        bframes: B-frames in a row, at most; only for encoders that know them.
        pix_fmt: As libav names it.
        options: For the encoder.
        mux: For the muxer.
        gaps: Durations of frames in units of ``1 / fps``, used in turn; more than one value gives a variable rate.
        offset: When the first frame is shown, in units of ``1 / fps``; muxers may add a constant.
        matrix: Display matrix to write; pictures are stored turned the other way.
        disposition: libav's disposition bits of the stream; 1 is "default".
        video: What writes the pictures; see `Track`.
        before: Streams added before the video.
        after: Streams added after it.
        main: Which video stream of the file the video is, counted from 0.
        timed: Whether the container says when each frame is shown.
    """

    container: str = "mp4"
    codec: str = "libx264"
    frames: int = 40
    first: int = 0
    size: tuple[int, int] = (96, 128)
    fps: int | Fraction = 30
    gop: int = 12
    bframes: int = 0
    pix_fmt: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    mux: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[int, ...] = (1,)
    offset: int = 0
    matrix: Matrix = UPRIGHT
    disposition: int = 0
    video: Track = field(default_factory=Pictures)
    before: tuple[Track, ...] = ()
    after: tuple[Track, ...] = ()
    main: int = 0
    timed: bool = True

    def make(self, path: Path) -> Clip:
        """Write the file and say what it shows.

        Raises:
            UsageError: more frames than there are codes.
        """
        import av

        if self.first + self.frames > CODES:
            raise UsageError(f"Cannot code frames up to {self.first + self.frames}.", f"Stay within {CODES}.")
        options = {"fflags": "+bitexact", **self.mux}
        with ordinary_scheduling(), _quiet(), av.open(str(path), "w", format=self.container, options=options) as out:
            feeds = [track.open(out, self) for track in (*self.before, self.video, *self.after)]
            for number, feed in itertools.product([*range(self.frames), None], feeds):
                feed(number)
        return self.describe(path)

    def describe(self, path: Path) -> Clip:
        """What the file written to `path` shows."""
        codes = np.arange(self.first, self.first + self.frames)
        time_base, start = _start(path, self.main)
        rate = Fraction(self.fps) * time_base
        ticks = np.array([_nearest(tick / rate) for tick in self.ticks()])
        pts = None if start is None or not self.timed else start + ticks - ticks[0]
        return Clip(
            path=path, codes=codes, pts=pts, time_base=time_base, size=self.size, matrix=self.matrix, main=self.main
        )

    def ticks(self) -> list[int]:
        """When each frame is shown, in units of ``1 / fps``."""
        gaps = itertools.islice(itertools.cycle(self.gaps), self.frames - 1)
        return list(itertools.accumulate(gaps, initial=self.offset))

    def picture(self, number: int) -> VideoFrame:
        """Frame `number`, counted from 0, as it is stored."""
        import av

        a, b, c, d = self.matrix
        stored = upright(draw_code(self.first + number, self.size), (a, c, b, d))  # a turn's inverse is its transpose
        return av.VideoFrame.from_ndarray(stored, format="rgb24").reformat(format=self.pix_fmt)


def make_clip(path: Path, **settings: Any) -> Clip:
    """Make a clip in one call: ``ClipRecipe(**settings).make(path)``."""
    return ClipRecipe(**settings).make(path)


def corpus() -> dict[str, Maker]:
    """Clips by name, over containers, codecs and features; each value writes its clip to the path it is given.

    A name ends in the suffix that its file should have.
    """
    from reelbase.testing._corpus import clips

    return clips()


def upright(picture: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.uint8]:
    """A stored picture as it is to be shown.

    Args:
        picture: uint8 ``(H, W, 3)`` as stored.
        matrix: ``(a, b, c, d)`` of the display matrix, each -1, 0 or 1: the point ``(x, y)``, y downwards, goes to
            ``(a x + c y, b x + d y)`` (ISO/IEC 14496-12, 6.2.2).
    """
    a, b, c, d = matrix
    x, y = a, d
    if a == d == 0:
        picture, x, y = picture.swapaxes(0, 1), c, b
    return np.ascontiguousarray(picture[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1])


def _video_stream(out: OutputContainer, recipe: ClipRecipe) -> VideoStream:
    stream: VideoStream = out.add_stream(recipe.codec, rate=Fraction(recipe.fps), options=dict(recipe.options))  # type: ignore[assignment]
    a, b, c, d = recipe.matrix
    height, width = recipe.size if a else recipe.size[::-1]
    stream.width, stream.height, stream.pix_fmt = width, height, recipe.pix_fmt
    stream.disposition = recipe.disposition  # type: ignore[assignment]
    context = stream.codec_context
    context.time_base = 1 / Fraction(recipe.fps)
    context.gop_size, context.max_b_frames, context.thread_count = recipe.gop, recipe.bframes, 1
    if recipe.matrix != UPRIGHT:
        stream.set_display_matrix([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30])
    return stream


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep SVT-AV1 from writing to stderr; its environment variable is the only way."""
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = "0"
    try:
        yield
    finally:
        del os.environ["SVT_LOG"]
        if before is not None:
            os.environ["SVT_LOG"] = before


def _start(path: Path, main: int) -> tuple[Fraction, int | None]:
    """Time base of the video, and when the first frame is shown: muxers move all times by one constant."""
    import av

    with av.open(str(path)) as file:
        stream = file.streams.video[main]
        # AVI stores decoding times only; the pts that libavformat makes of them are a frame late for some codecs.
        kind = "dts" if file.format.name == "avi" else "pts"
        times = [getattr(packet, kind) for packet in file.demux(stream) if not packet.is_discard]
        shown = [time for time in times if time is not None]
        return Fraction(stream.time_base or 1), min(shown, default=None)


def _nearest(value: Fraction) -> int:
    """The nearest integer, halves upwards, as libav rounds timestamps (av_rescale_q)."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)

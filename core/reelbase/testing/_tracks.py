"""Further streams in a file with a coded video: sound, a second video, cover art."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from reelbase.testing.clips import ClipRecipe, Feed, Pictures, draw_code

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

_SAMPLES_PER_SECOND = 48_000


@dataclass(frozen=True)
class Tone:
    """Sound: stereo silence with the duration of the video."""

    codec: str = "aac"

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        """Add the stream; see `reelbase.testing.clips.Track`."""
        import av

        stream: AudioStream = out.add_stream(self.codec, rate=_SAMPLES_PER_SECOND)  # type: ignore[assignment]
        count = int(_SAMPLES_PER_SECOND / Fraction(recipe.fps))

        def feed(number: int | None) -> None:
            if number is None:
                out.mux(stream.encode(None))
                return
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * count), np.int16), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = (
                _SAMPLES_PER_SECOND,
                number * count,
                Fraction(1, _SAMPLES_PER_SECOND),
            )
            out.mux(stream.encode(frame))

        return feed


@dataclass(frozen=True)
class SecondVideo:
    """A second video with another size and other codes, encoded like the first one."""

    first: int = 512
    size: tuple[int, int] = (64, 80)

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        """Add the stream; see `reelbase.testing.clips.Track`."""
        return Pictures().open(out, replace(recipe, first=self.first, size=self.size, disposition=0))


@dataclass(frozen=True)
class Cover:
    """Cover art as a picture stream, as in mp4 and mov."""

    code: int = 900

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        """Add the stream; see `reelbase.testing.clips.Track`."""
        import av

        stream = out.add_mux_stream("png", width=64, height=48)
        stream.disposition = av.stream.Disposition.attached_pic

        def feed(number: int | None) -> None:
            if number == 0:
                packet = av.Packet(_make_png(self.code))
                packet.pts, packet.dts, packet.is_keyframe, packet.stream = 0, 0, True, stream
                out.mux(packet)

        return feed


@dataclass(frozen=True)
class Attachment:
    """Cover art as an attached file, as in Matroska."""

    code: int = 900

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        """Add the stream; see `reelbase.testing.clips.Track`."""
        out.add_attachment("cover.png", "image/png", _make_png(self.code))
        return lambda _: None


def _make_png(code: int) -> bytes:
    import av

    file = BytesIO()
    with av.open(file, "w", format="image2pipe") as out:
        stream = out.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(draw_code(code, (48, 64)), format="rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue()

"""Videos like the guide's own, in which every frame says its number."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, HEIGHT, WIDTH = 400, 360, 640
RATE = Fraction(30000, 1001)
BOXES = 2788


def _picture(number: int) -> np.ndarray:
    """A grey field with a bright column that walks to the right: frame `number` is known by it."""
    picture = np.full((HEIGHT, WIDTH, 3), 64, np.uint8)
    picture[:, number : number + 16] = 224
    return picture


def make_video(path: Path) -> None:
    """H.264 with B-frames in mp4: 400 frames of 360 x 640 at 30000/1001 a second, from time 0, in 1/30000 s."""
    import av

    with av.open(str(path), "w", options={"video_track_timescale": "30000"}) as out:
        stream = out.add_stream(
            "libx264", rate=RATE, options={"bf": "3", "g": "60", "preset": "ultrafast", "crf": "20"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = 1 / RATE
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(_picture(number), "rgb24")
            frame.pts, frame.time_base = number, 1 / RATE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def numbers(frames: np.ndarray) -> list[int]:
    """Which frames these are, by the bright column: uint8 ``(N, 360, 640, 3)``."""
    bright = frames[:, HEIGHT // 2, :, 1].astype(int) > 144
    return bright.argmax(axis=1).tolist()

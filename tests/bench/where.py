"""Where the time of a read goes: decoding, converting, copying, bytes, and Python around them."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
from clips import CLIPS
from measures import measures
from reading import stored
from report import machine, table

import reelbase
from reelbase.io.blob import Blob
from reelbase_plugins.video.decoding.convert import FrameConverter
from reelbase_plugins.video.decoding.decoder import Decoding
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

PARTS: Final = {
    "new decoder": (DecoderConfig, "open_context"),
    "decode": (Decoding, "decode"),
    "convert": (FrameConverter, "_convert_to_rgb"),
    "bytes": (Blob, "read_ranges"),
}
ROWS: Final = ("random frame", "16-frame clip", "16 frames, stride 30", "walk in 16-frame clips", "full read")


@contextmanager
def counted() -> Iterator[dict[str, float]]:
    """Seconds of processor time inside each of `PARTS` while the block runs."""
    spent = dict.fromkeys(PARTS, 0.0)

    def timed(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **how: Any) -> Any:
            began = time.perf_counter()
            try:
                return real(*args, **how)
            finally:
                spent[name] += time.perf_counter() - began

        return call

    patches = [mock.patch.object(kind, name, timed(part, getattr(kind, name))) for part, (kind, name) in PARTS.items()]
    for patch in patches:
        patch.start()
    try:
        yield spent
    finally:
        for patch in patches:
            patch.stop()


def shares(video: reelbase.View, count: int) -> list[list[str]]:
    """A line for each of `ROWS`: ms a call, and the share of each part."""
    lines = []
    for measure in measures(count, np.random.default_rng(5)):
        if measure.name not in ROWS:
            continue
        with counted() as spent:
            began = time.perf_counter()
            for numbers in measure.task.asked:
                video[list(numbers)].numpy()
            if measure.task.walk:
                for _ in video.frames():
                    pass
            whole = time.perf_counter() - began
        rest = whole - sum(spent.values())
        parts = [f"{part / whole:.1%}" for part in (*spent.values(), rest)]
        lines.append([measure.name, f"{whole / max(1, len(measure.task.asked)) * 1000:.3g}", *parts])
    return lines


def main() -> None:
    """Measure on one processor, and print a table for each clip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "reelbase-bench"), help="kept there")
    options = parser.parse_args()
    options.clips.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"{machine()}; one of them\n")
    for clip in CLIPS:
        with tempfile.TemporaryDirectory() as folder:
            video = reelbase.load(stored(clip.made(options.clips), folder).dataset).videos[0]
            video[0].numpy()
            head = ["", "ms a call", *PARTS, "copies and Python"]
            print(f"**{clip.name}**\n\n{table(head, shares(video, clip.frames))}\n")


if __name__ == "__main__":
    main()

"""What the checksum of each packet costs: processor time of 16-frame clips, with the check over without it.

    python tests/bench/checksums.py

Prints the median of paired ratios, and the quartiles, for H.264 of 360p and 720p and a small rendition.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import reelbase
from reelbase.media.frame_index import FrameIndex
from reelbase.testing.clips import make_clip

PAIRS = 30
CLIPS = 12
VIDEOS: dict[str, dict[str, Any]] = {
    "360p H.264": {"size": (360, 640)},
    "720p H.264": {"size": (720, 1280)},
    "224x224 MPEG-4": {"size": (224, 224), "codec": "mpeg4"},
}


def main() -> None:
    check = FrameIndex.check_packets
    starts = np.random.default_rng(0).integers(0, 110, CLIPS).tolist()
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in VIDEOS.items():
            clip = make_clip(Path(folder) / f"{name}.mp4", frames=150, **settings)
            ds = reelbase.empty(Path(folder) / name)
            ds.create_tensor("videos", htype="video").append(reelbase.read(clip.path))
            ratios = [measure_pair(ds, starts, check, with_first=number % 2 == 0) for number in range(PAIRS)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(f"{name}: {middle:.3f} [{low:.3f}, {high:.3f}]")


def measure_pair(ds: reelbase.Dataset, starts: list[int], check: Any, *, with_first: bool) -> float:
    taken: dict[bool, float] = {}
    for checked in (with_first, not with_first):
        FrameIndex.check_packets = check if checked else lambda *_: None  # type: ignore[method-assign]
        began = time.process_time()
        for start in starts:
            ds.videos[0, start : start + 32 : 2].numpy()
        taken[checked] = time.process_time() - began
    FrameIndex.check_packets = check  # type: ignore[method-assign]
    return taken[True] / taken[False]


if __name__ == "__main__":
    main()

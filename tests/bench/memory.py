"""How much memory reading takes: an hour of video as a stream, and thousands of videos one after another."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from clips import HOUR, Clip
from reading import stored
from report import machine, table

import reelbase

TINY: Final = Clip(name="tiny", codec="libx264", gop=8, frames=16, size=(64, 64))

_RSS: Final = """
import os, sys, reelbase
def rss(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
"""
_HOUR: Final = (
    _RSS
    + """
most = count = 0
for frame in reelbase.load(sys.argv[1]).videos[0].frames():
    count += 1
    if count % 100 == 0: most = max(most, rss())
print(count, most, rss())
"""
)
_MANY: Final = (
    _RSS
    + """
videos = reelbase.load(sys.argv[1]).videos
for row in range(len(videos)):
    videos[row, 3].numpy()
    if row == len(videos) // 10: early = rss()
    if row == len(videos) * 9 // 10: late = rss()
print(len(videos), early, late, rss())
"""
)


def ran(code: str, dataset: str) -> list[float]:
    """What a process of its own printed."""
    done = subprocess.run([sys.executable, "-c", code, dataset], check=True, capture_output=True, text=True)
    return [float(part) for part in done.stdout.split()]


def many(folder: str, path: Path, rows: int) -> str:
    """A dataset of so many small videos."""
    ds = reelbase.empty(f"{folder}/many")
    ds.create_tensor("videos", htype="video")
    data = reelbase.read(path, check="none")
    with ds:
        for _ in range(rows):
            ds.videos.append(data)
    return f"{folder}/many"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "reelbase-bench"), help="kept there")
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    options.clips.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        frames, most, last = ran(_HOUR, stored(HOUR.made(options.clips), folder).dataset)
        opened, early, late, end = ran(_MANY, many(folder, TINY.made(options.clips), options.rows))
    rows = [
        [f"`frames()` over {frames:,.0f} frames of 1280x720", f"at most {most:.0f}", f"{last:.0f}"],
        [
            f"one frame of each of {opened:,.0f} videos",
            f"after a tenth {early:.0f}, after nine tenths {late:.0f}",
            f"{end:.0f}",
        ],
    ]
    print(f"{machine()}\n\n{table(['', 'resident, MB', 'at the end, MB'], rows)}\n")


if __name__ == "__main__":
    main()

"""Writing: what an append costs beside copying the file, and how large the index and commits are. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from clips import CLIPS, Clip
from report import machine, milliseconds, table

import reelbase

LARGE: Final = Clip(
    name="h264-720p-large", codec="libx264", size=(720, 1280), options={"preset": "ultrafast", "crf": "8"}
)
ROWS: Final = (0, 10_000)
COMMITS: Final = 100


@dataclass
class Appended:
    """One file, put away in several ways.

    Attributes:
        size: Size in bytes.
        packets: How many.
        index: Bytes of the index as it is stored.
        seconds: Way to what each repetition took.
    """

    size: int
    packets: int
    index: int
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def row(self, name: str) -> list[str]:
        """Of the table."""
        took = {way: statistics.median(spent) for way, spent in self.seconds.items()}
        cells = [name, f"{self.size / 1e6:.2f}", str(self.packets), milliseconds(took["copy"])]
        for way in ("none", "sample"):
            ratios = [ours / copy for ours, copy in zip(self.seconds[way], self.seconds["copy"], strict=True)]
            speed = self.size / took[way] / 1e6
            cells += [milliseconds(took[way]), f"{speed:.3g}", f"{statistics.median(ratios):.2g}"]
        return [*cells, f"{self.index / self.packets:.1f}"]


def appended(path: Path, times: int) -> Appended:
    """Copy and append a file in turn."""
    index = reelbase.read(path, check="none")._cell.frame_index()
    result = Appended(path.stat().st_size, len(index.pos), len(index.to_bytes()))
    ways: dict[str, Callable[[Path], float]] = {
        "copy": lambda folder: _copied(path, folder),
        "none": lambda folder: _append(path, folder, "none"),
        "sample": lambda folder: _append(path, folder, "sample"),
    }
    for _ in range(times):
        for way, put in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                result.seconds.setdefault(way, []).append(put(Path(folder)))
    return result


def _copied(path: Path, folder: Path) -> float:
    """Seconds to copy a file and have it on disk, with its name."""
    began = time.perf_counter()
    with Path(shutil.copy(path, folder)).open("rb") as copy:
        os.fsync(copy.fileno())
    _sync(folder)
    return time.perf_counter() - began


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _append(path: Path, folder: Path, check: str) -> float:
    ds = reelbase.empty(folder / "dataset")
    ds.create_tensor("videos", htype="video")
    began = time.perf_counter()
    ds.videos.append(reelbase.read(path, check=check))
    return time.perf_counter() - began


@dataclass(frozen=True)
class Commits:
    """One-row appends, each durable by itself.

    Attributes:
        before: Rows that the dataset had.
        second: Appends in a second.
        files: Files with the same bytes, written, synced and linked in a second: what the disk allows.
        log: Bytes of log that an append leaves.
        everything: Bytes of all files that it leaves.
    """

    before: int
    second: float
    files: float
    log: float
    everything: float


def commits(before: int) -> Commits:
    """Append to a dataset that has some rows."""
    with tempfile.TemporaryDirectory() as folder:
        ds = reelbase.empty(Path(folder, "dataset"))
        ds.create_tensor("labels", htype="generic", dtype="int64")
        if before:
            ds.labels.extend(list(np.arange(before)))
        log, everything = _bytes(Path(folder), "log"), _bytes(Path(folder))
        began = time.perf_counter()
        for n in range(COMMITS):
            ds.labels.append(np.int64(n))
        took = time.perf_counter() - began
        log, everything = (_bytes(Path(folder), "log") - log) / COMMITS, (_bytes(Path(folder)) - everything) / COMMITS
        floor = _floor(Path(folder), round(log))
    return Commits(before, COMMITS / took, COMMITS / floor, log, everything)


def _floor(folder: Path, size: int) -> float:
    data, began = bytes(size), time.perf_counter()
    for n in range(COMMITS):
        with Path(folder, f"{n}.part").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(file.name, folder / str(n))
        _sync(folder)
    return time.perf_counter() - began


def _bytes(folder: Path, under: str = "") -> int:
    return sum(p.stat().st_size for p in (folder / "dataset" / under).rglob("*") if p.is_file())


def page(files: dict[str, Appended], committed: Sequence[Commits]) -> str:
    """Both tables."""
    head = ["", "MB", "packets", "copy + fsync, ms"]
    head += [f"{way} {what}" for way in ("none", "sample") for what in ("ms", "MB/s", "times copy")]
    videos = table([*head, "index, B a packet"], [one.row(name) for name, one in files.items()])
    rows = [[c.before, f"{c.second:.0f}", f"{c.files:.0f}", f"{c.log:.0f}", f"{c.everything:.0f}"] for c in committed]
    names = ["rows before", "appends a second", "synced files a second", "log, B an append", "all files, B an append"]
    return f"{videos}\n\n{table(names, rows)}\n"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="videos to append; by default the generated ones")
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "reelbase-bench"), help="kept there")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    options.clips.mkdir(parents=True, exist_ok=True)
    paths = options.files or [clip.made(options.clips) for clip in (*CLIPS, LARGE)]
    files = {path.name: appended(path, options.repeat) for path in paths}
    committed = [commits(before) for before in ROWS]
    print(f"{machine()}; reelbase {reelbase.__version__}; {options.repeat} repetitions\n\n{page(files, committed)}")
    if options.json:
        everything = {"files": {k: vars(v) for k, v in files.items()}, "commits": [vars(c) for c in committed]}
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()

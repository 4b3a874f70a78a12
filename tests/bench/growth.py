"""How cost grows: with frames asked for, distance of key frames, length of files, rows and threads. Drawn as plots."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from clips import CLIPS, GOPS, LENGTHS
from peers import Place
from reading import stored
from report import machine, table
from worker import Task, Worker

import reelbase

PEERS: Final = ("reelbase", "torchcodec", "pyav")
ROWS: Final = (1, 1_000, 100_000, 1_000_000)

Series = dict[str, list[float]]


def seconds(place: Place, task: Task, repeat: int) -> dict[str, float]:
    """Median processor time of each peer, of one thread, in turn."""
    workers = {name: Worker(name, place, 1) for name in PEERS}
    spent: dict[str, list[float]] = {name: [] for name in PEERS}
    for worker in workers.values():
        worker.spent(Task([[0]]))
    for _ in range(repeat):
        for name, worker in workers.items():
            found = worker.spent(task)
            spent[name].append(float("nan") if found is None else found.processor / max(1, len(task.asked)))
    for worker in workers.values():
        worker.close()
    return {name: statistics.median(each) for name, each in spent.items()}


def over(values: Sequence[int], measure: Callable[[int], dict[str, float]]) -> Series:
    """A line for each peer."""
    series: Series = {}
    for value in values:
        for name, found in measure(value).items():
            series.setdefault(name, []).append(found * 1000)
        print(f"  {value}", file=sys.stderr)
    return series


def frames_a_request(folder: Path, repeat: int) -> tuple[list[int], Series]:
    """Frames evenly spread over one video, one call."""
    clip = CLIPS[0]
    asked = [1, 2, 4, 8, 16, 32, 64, 128]
    with tempfile.TemporaryDirectory() as scratch:
        place = stored(clip.made(folder), scratch)
        spread = {n: np.linspace(0, clip.frames - 1, n + 2)[1:-1].astype(int).tolist() for n in asked}
        return asked, over(asked, lambda n: seconds(place, Task([spread[n]]), repeat))


def distance_of_key_frames(folder: Path, repeat: int) -> tuple[list[int], Series]:
    """One frame anywhere."""
    clips = {clip.gop: clip for clip in GOPS}

    def measure(gop: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as scratch:
            place = stored(clips[gop].made(folder), scratch)
            anywhere = np.random.default_rng(3).permutation(clips[gop].frames)[:20].tolist()
            return seconds(place, Task([[n] for n in anywhere]), repeat)

    return list(clips), over(list(clips), measure)


def length_of_file(folder: Path, repeat: int) -> tuple[list[int], Series]:
    """Opening, and one frame near the end."""
    clips = {clip.frames * clip.times: clip for clip in LENGTHS}

    def measure(frames: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as scratch:
            place = stored(clips[frames].made(folder), scratch)
            return seconds(place, Task([[frames - 10]] * 3, reopen=True), repeat)

    return list(clips), over(list(clips), measure)


def rows_of_dataset(folder: Path, repeat: int) -> tuple[list[int], Series]:
    """Opening, and one row of labels."""

    def measure(rows: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as scratch:
            ds = reelbase.empty(f"{scratch}/dataset")
            ds.create_tensor("labels", htype="class_label")
            ds.labels.extend(np.arange(rows) % 7)
            took = []
            for _ in range(repeat):
                began = time.process_time()
                reelbase.load(f"{scratch}/dataset").labels[rows // 2].numpy()
                took.append(time.process_time() - began)
            return {"reelbase": statistics.median(took)}

    return list(ROWS), over(ROWS, measure)


def processors(folder: Path, repeat: int) -> tuple[list[int], Series]:
    """The whole video and 16 scattered frames, wall time."""
    many = sorted({1, 2, 4, 8, 16, len(os.sched_getaffinity(0))} & set(range(1, len(os.sched_getaffinity(0)) + 1)))
    with tempfile.TemporaryDirectory() as scratch:
        place = stored(CLIPS[0].made(folder), scratch)
        far = list(range(5, CLIPS[0].frames, 31))[:16]

        def measure(count: int) -> dict[str, float]:
            chosen = ",".join(map(str, sorted(os.sched_getaffinity(0))[:count]))
            code = (
                "import time, sys, statistics, reelbase; v = reelbase.load(sys.argv[1]).videos[0]; v[1].numpy()\n"
                "def t(f):\n  b = time.perf_counter(); f(); return time.perf_counter() - b\n"
                f"print(statistics.median(t(lambda: sum(1 for _ in v.frames())) for _ in range({repeat})))\n"
                f"print(statistics.median(t(lambda: v[{far}].numpy()) for _ in range({repeat})))"
            )
            command = ["taskset", "-c", chosen, sys.executable, "-c", code, place.dataset]
            whole, some = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
            return {"full read": whole, "16 frames, stride 31": some}

        return many, over(many, measure)


PLOTS: Final = {
    "frames a request": frames_a_request,
    "frames from key frame to key frame": distance_of_key_frames,
    "frames in the file": length_of_file,
    "rows in the dataset": rows_of_dataset,
    "processors": processors,
}


def drawn(path: Path, title: str, values: Sequence[int], series: Series) -> None:
    """One plot, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "reelbase"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
    for name, line in series.items():
        axes.plot(values, line, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel=title, ylabel="ms")
    axes.set_xticks(values, [f"{n:,}" for n in values])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure, draw, and print what was drawn as tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "reelbase-bench"), help="kept there")
    parser.add_argument("--plots", type=Path, default=Path(), help="folder for the plots")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    options.clips.mkdir(parents=True, exist_ok=True)
    options.plots.mkdir(parents=True, exist_ok=True)
    print(f"{machine()}; {options.repeat} repetitions\n")
    for title, measure in PLOTS.items():
        print(title, file=sys.stderr)
        values, series = measure(options.clips, options.repeat)
        name = f"{title.replace(' ', '-')}.svg"
        drawn(options.plots / name, title, values, series)
        rows = [[f"{value:,}", *(f"{line[k]:.3g}" for line in series.values())] for k, value in enumerate(values)]
        print(f"**{title}** ({' '.join((measure.__doc__ or '').split())})\n\n![{title}]({name})\n")
        print(table([title, *(f"{name}, ms" for name in series)], rows), end="\n\n")


if __name__ == "__main__":
    main()

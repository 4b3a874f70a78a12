"""Reading frames: ours beside what people use. See README.md; ``reading.py --help`` for its options."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from clips import CLIPS
from looks import faults, sequential
from measures import COLD, SMALL, goal, measures
from peers import PEERS, Place
from report import machine, milliseconds, table
from worker import Spent, Task, Worker, command, environment

import reelbase

OURS: Final = "reelbase"
CLOCKS: Final = ("processor", "wall")


@dataclass
class Result:
    """What came out for one video.

    Attributes:
        spent: Row to peer to what each repetition took; None where it failed.
        wrong: Peer to how many frames were other ones, had other colours, and were asked for.
        calls: Row to how many calls a repetition makes.
    """

    spent: dict[str, dict[str, list[Spent | None]]] = field(default_factory=dict)
    wrong: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, row: str, peer: str, spent: Spent | None, calls: int) -> None:
        """Note a repetition."""
        self.spent.setdefault(row, {}).setdefault(peer, []).append(spent)
        self.calls[row] = calls

    def ours(self, row: str, clock: str) -> float:
        """Median seconds of a call of ours."""
        return statistics.median(getattr(one, clock) for one in self.spent[row][OURS]) / self.calls[row]

    def ratios(self, row: str, peer: str, clock: str) -> list[float]:
        """Ours / peer in each repetition; empty if the peer failed in one."""
        theirs = self.spent[row].get(peer, [None])
        if None in theirs:
            return []
        pairs = zip(self.spent[row][OURS], theirs, strict=True)
        return [getattr(ours, clock) / getattr(peer, clock) for ours, peer in pairs]

    def fastest(self, row: str, clock: str) -> str | None:
        """The peer that ours has the hardest time with, of those that showed no wrong frame."""
        ratios = {
            peer: statistics.median(found)
            for peer, wrong in self.wrong.items()
            if peer != OURS and not wrong[0] and (found := self.ratios(row, peer, clock))
        }
        return max(ratios, key=ratios.__getitem__) if ratios else None


class Bench:
    """The peers with one video open, asked in turn."""

    def __init__(self, place: Place, names: Sequence[str], threads: int) -> None:
        self._place, self._threads = place, threads
        everyone = {name: Worker(name, place, threads) for name in names}
        self.result = Result()
        self.versions = {name: worker.version() for name, worker in everyone.items()}
        self._workers = {name: worker for name, worker in everyone.items() if worker.opens()}
        for name in everyone.keys() - self._workers.keys():
            everyone[name].close()

    def check(self) -> int:
        """Compare every peer with a sequential decode; returns the number of frames."""
        references = {size: sequential(self._place.file, size) for size in (None, SMALL)}
        count = len(references[None])
        rows = measures(count, np.random.default_rng(1))
        tasks = [
            Task([n for row in rows for n in row.task.asked if row.task.size == size], size=size) for size in references
        ]
        tasks[0] = Task(tasks[0].asked, walk=True)
        for name, worker in self._workers.items():
            wrong, coloured, total = 0, 0, 0
            for task in tasks if PEERS[name].shows else ():
                asked = [*task.asked, *([range(count)] if task.walk else [])]
                for numbers, seen in zip(asked, worker.looks(task), strict=True):
                    found = (len(numbers), 0) if seen is None else faults(references[task.size], numbers, seen)
                    wrong, coloured, total = wrong + found[0], coloured + found[1], total + len(numbers)
            self.result.wrong[name] = wrong, coloured, total
        for name, (wrong, _, total) in self.result.wrong.items():
            if total and wrong == total:  # what it takes to show nothing says nothing
                self._workers.pop(name).close()
        return count

    def repeat(self, times: int, count: int) -> None:
        """All rows with all peers, the peers one after another within a row, another one first each time."""
        random = np.random.default_rng(2)
        order = list(self._workers)
        for name in order:
            self._cold(name, 0)  # compiles
            self._workers[name].spent(Task([[0]]))
        for n in range(times):
            order = order[1:] + order[:1]
            for measure in measures(count, random):
                for name in order:
                    self.result.add(measure.name, name, self._workers[name].spent(measure.task), measure.calls)
            for name in order:
                self.result.add(COLD, name, self._cold(name, int(random.integers(count))), 1)
            print(f"  repetition {n + 1} of {times}", file=sys.stderr, flush=True)

    def _cold(self, name: str, number: int) -> Spent | None:
        """A new process that imports, opens, reads a frame and ends."""
        code = "import sys, peers; peers.opened(sys.argv[1], peers.Place(*sys.argv[3:5]), 1).frames([int(sys.argv[5])])"
        python, _, *arguments = command(name, self._place, self._threads)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        ended = subprocess.run(
            [python, "-c", code, *arguments, str(number)],
            env=environment(name),
            cwd=Path(__file__).parent,
            check=False,
            stderr=subprocess.DEVNULL,
        )
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if ended.returncode:
            return None
        return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers.values():
            worker.close()


def page(video: str, result: Result, names: Sequence[str], clock: str) -> str:
    """The table of one video, by ``wall`` or ``processor`` time."""
    peers = [name for name in names if name != OURS]
    rows = []
    for row in result.spent:
        fastest = result.fastest(row, clock)
        hoped = goal(row, video)
        head = [
            row,
            milliseconds(result.ours(row, clock)),
            _spread(result.ratios(row, fastest, clock)) if fastest else "-",
        ]
        rows.append(
            [*head, "" if hoped is None else f"≤ {hoped}", *(_cell(result, row, peer, clock) for peer in peers)]
        )
    wrong = [_faults(*result.wrong.get(name, (0, 0, -1))) for name in (OURS, *peers)]
    rows.append(["wrong frames", wrong[0], "", "", *wrong[1:]])
    return f"**{video}**\n\n" + table(["", "reelbase, ms", "ours / fastest", "target", *peers], rows) + "\n"


def _cell(result: Result, row: str, peer: str, clock: str) -> str:
    ratios = result.ratios(row, peer, clock)
    if not ratios:
        return "-"
    ratio = statistics.median(ratios)
    shown = f"**{ratio:.2f}**" if ratio > 1 else f"{ratio:.2f}"
    return f"({shown})" if result.wrong[peer][0] else shown


def _spread(ratios: Sequence[float]) -> str:
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def _faults(wrong: int, coloured: int, asked: int) -> str:
    if asked <= 0:
        return "cannot open" if asked else "not looked at"
    return (f"{wrong} of {asked}" if wrong else "none") + (f", colours of {coloured}" if coloured else "")


def as_json(result: Result) -> object:
    """Everything that was measured, in seconds, by both clocks."""
    return {
        "seconds": {
            clock: {
                row: {name: [one and getattr(one, clock) for one in spent] for name, spent in peers.items()}
                for row, peers in result.spent.items()
            }
            for clock in CLOCKS
        },
        "wrong": result.wrong,
    }


def summary(results: dict[str, Result], clock: str) -> str:
    """Of all videos: ours / the fastest peer."""
    rows = []
    for row in next(iter(results.values())).spent:
        cells = []
        for video, result in results.items():
            fastest, hoped = result.fastest(row, clock), goal(row, video)
            middle = statistics.median(result.ratios(row, fastest, clock)) if fastest else None
            missed = middle is not None and hoped is not None and middle > hoped
            cells.append("-" if middle is None else f"**{middle:.2f}**" if missed else f"{middle:.2f}")
        rows.append([row, *cells])
    return table(["ours / fastest", *results], rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="videos to read; by default the generated ones")
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "reelbase-bench"), help="kept there")
    parser.add_argument("--only", nargs="+", help="of the generated ones, by name")
    every = [name for name in PEERS if name != "decord2" or "DECORD2" in os.environ]
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=every)
    parser.add_argument("--threads", type=int, default=1, help="for each; 1 also binds it to one processor")
    parser.add_argument(
        "--clock", choices=CLOCKS, help="of the tables; by default processor time for 1 thread, else wall"
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


def _files(options: argparse.Namespace) -> list[Path]:
    if options.files:
        return options.files
    options.clips.mkdir(parents=True, exist_ok=True)
    return [clip.made(options.clips) for clip in CLIPS if not options.only or clip.name in options.only]


def stored(path: Path, folder: str) -> Place:
    """A dataset with the file in it, appended with default settings."""
    dataset = str(Path(folder, "dataset"))
    ds = reelbase.empty(dataset)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(path))
    return Place(str(path.resolve()), dataset)


def main() -> None:
    """Measure, and print the tables."""
    options = _options()
    clock = options.clock or CLOCKS[options.threads > 1]
    names = [OURS, *(name for name in options.peers if name != OURS)]
    results: dict[str, Result] = {}
    versions: dict[str, str] = {}
    pages = []
    for path in _files(options):
        print(path.name, file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(stored(path, folder), names, options.threads)
            bench.repeat(options.repeat, bench.check())
            bench.close()
        versions, results[path.name] = bench.versions, bench.result
        pages.append(page(path.name, bench.result, names, clock))
    about = f"{machine()}; {', '.join(f'{name} {version}' for name, version in versions.items())}; "
    about += f"{options.threads} thread(s) each, {options.repeat} repetitions, {clock} time"
    print(f"{about}.\n\n{summary(results, clock)}\n", *pages, sep="\n", flush=True)
    if options.json:
        everything = {"about": about, "files": {name: as_json(one) for name, one in results.items()}}
        options.json.write_text(json.dumps(everything))


if __name__ == "__main__":
    main()

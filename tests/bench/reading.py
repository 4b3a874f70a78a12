"""Reading frames: ours beside PyAV, torchcodec and decord. See README.md; ``reading.py --help`` for its options."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from clips import CLIPS
from looks import faults, sequential
from peers import PEERS, Place
from report import machine, milliseconds, table
from worker import Spent, Task, Worker, command, environment

import reelbase

OURS: Final = "reelbase"
CLOSE: Final = 0.95
CLOCKS: Final = ("processor", "wall")


@dataclass(frozen=True)
class Measure:
    """One row of the table.

    Attributes:
        name: Of the row.
        task: What is done in one repetition; random, so that caches that remember frames do not help.
        calls: By which the time is divided for the column of ours.
    """

    name: str
    task: Task
    calls: int = 1


def measures(count: int, random: np.random.Generator) -> list[Measure]:
    """The rows for a video of `count` frames, with other frames each time."""

    def starts(n: int, span: int) -> list[int]:
        return random.integers(0, max(1, count - span), n).tolist()

    def clip(start: int, step: int = 1) -> list[int]:
        return list(range(start, min(start + 16 * step, count), step))

    walked = starts(1, 64)[0]
    return [
        Measure("open + 1 frame", Task([[n] for n in starts(3, 1)], reopen=True), 3),
        Measure("random frame", Task([[n] for n in starts(4, 1)]), 4),
        Measure("16-frame clip", Task([clip(n) for n in starts(2, 16)]), 2),
        Measure("16-frame clip, stride 2", Task([clip(n, 2) for n in starts(2, 32)]), 2),
        Measure("16 random frames at once", Task([sorted(random.permutation(count)[:16].tolist())])),
        Measure("whole video, stride 5", Task([list(range(0, count, 5))])),
        Measure("16-frame clips in order", Task([clip(walked + 16 * n) for n in range(4)]), 4),
        Measure("full read", Task(walk=True)),
    ]


@dataclass
class Result:
    """What came out for one video.

    Attributes:
        spent: Row to peer to what each repetition took.
        wrong: Peer to how many frames were other ones, had other colours, and were asked for.
        calls: Row to how many calls a repetition makes.
    """

    spent: dict[str, dict[str, list[Spent]]] = field(default_factory=dict)
    wrong: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, row: str, peer: str, spent: Spent, calls: int) -> None:
        """Note a repetition."""
        self.spent.setdefault(row, {}).setdefault(peer, []).append(spent)
        self.calls[row] = calls

    def ours(self, row: str, clock: str) -> float:
        """Median seconds of a call of ours."""
        return statistics.median(getattr(one, clock) for one in self.spent[row][OURS]) / self.calls[row]

    def ratio(self, row: str, peer: str, clock: str) -> float:
        """Median of peer / ours over the repetitions."""
        pairs = zip(self.spent[row][peer], self.spent[row][OURS], strict=True)
        return statistics.median(getattr(theirs, clock) / getattr(ours, clock) for theirs, ours in pairs)


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
        reference = sequential(self._place.file)
        count = len(reference)
        rows = measures(count, np.random.default_rng(1))
        task = Task([numbers for row in rows for numbers in row.task.asked], walk=True)
        asked = [*task.asked, list(range(count))]
        for name, worker in self._workers.items():
            got = worker.looks(task)
            found = [
                faults(reference, numbers, seen) if seen is not None else (len(numbers), 0)
                for numbers, seen in zip(asked, got, strict=True)
            ]
            self.result.wrong[name] = (sum(w for w, _ in found), sum(c for _, c in found), sum(map(len, asked)))
        return count

    def repeat(self, times: int, count: int) -> None:
        """All rows with all peers, the peers one after another within a row, another one first each time."""
        random = np.random.default_rng(2)
        order = list(self._workers)
        for name in order:
            self._cold(name, 0)  # compiles
        for n in range(times):
            order = order[1:] + order[:1]
            for measure in measures(count, random):
                for name in order:
                    self.result.add(measure.name, name, self._workers[name].spent(measure.task), measure.calls)
            for name in order:
                self.result.add("new process + 1 frame", name, self._cold(name, int(random.integers(count))), 1)
            print(f"  repetition {n + 1} of {times}", flush=True)

    def _cold(self, name: str, number: int) -> Spent:
        """A new process that imports, opens, reads a frame and ends."""
        code = "import sys, peers; peers.opened(sys.argv[1], peers.Place(*sys.argv[3:5]), 1).frames([int(sys.argv[5])])"
        python, _, *arguments = command(name, self._place, self._threads)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [python, "-c", code, *arguments, str(number)], env=environment(name), cwd=Path(__file__).parent, check=True
        )
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers.values():
            worker.close()


def page(video: str, result: Result, names: Sequence[str], clock: str) -> str:
    """The table of one video, by ``wall`` or ``processor`` time."""
    peers = [name for name in names if name != OURS]
    rows = [
        [row, milliseconds(result.ours(row, clock)), *(_cell(result, row, peer, clock) for peer in peers)]
        for row in result.spent
    ]
    rows.append(["wrong frames", *(_faults(*result.wrong.get(name, (0, 0, 0))) for name in (OURS, *peers))])
    return f"**{video}**\n\n" + table(["", "reelbase, ms", *peers], rows) + "\n"


def _cell(result: Result, row: str, peer: str, clock: str) -> str:
    if peer not in result.wrong:
        return "-"
    ratio = result.ratio(row, peer, clock)
    return f"**{ratio:.2f}**" if ratio < CLOSE else f"{ratio:.2f}"


def _faults(wrong: int, coloured: int, asked: int) -> str:
    if not asked:
        return "cannot open"
    return (f"{wrong} of {asked}" if wrong else "none") + (f", colours of {coloured}" if coloured else "")


def as_json(result: Result) -> object:
    """Everything that was measured, in seconds, by both clocks."""
    others = [name for name in result.wrong if name != OURS]
    return {
        **{
            clock: {
                "seconds": {
                    row: {name: [getattr(one, clock) for one in spent] for name, spent in peers.items()}
                    for row, peers in result.spent.items()
                },
                "ratio": {row: {name: result.ratio(row, name, clock) for name in others} for row in result.spent},
            }
            for clock in CLOCKS
        },
        "wrong": result.wrong,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="videos to read; by default the generated ones")
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "reelbase-bench"), help="kept there")
    parser.add_argument("--only", nargs="+", help="of the generated ones, by name")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=[n for n in PEERS if n != "decord2"])
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


def _stored(path: Path, folder: str) -> Place:
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
    everything, versions = {}, {}
    for path in _files(options):
        print(path.name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(_stored(path, folder), names, options.threads)
            bench.repeat(options.repeat, bench.check())
            bench.close()
        versions = bench.versions
        print(f"\n{page(path.name, bench.result, names, clock)}", flush=True)
        everything[path.name] = as_json(bench.result)
    about = f"{machine()}; {', '.join(f'{name} {version}' for name, version in versions.items())}; "
    about += f"{options.threads} thread(s) each, {options.repeat} repetitions, {clock} time"
    print(about)
    if options.json:
        options.json.write_text(json.dumps({"about": about, "files": everything}, indent=1))


if __name__ == "__main__":
    main()

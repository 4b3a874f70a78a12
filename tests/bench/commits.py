"""What a commit costs after many of them, and what opening a large dataset costs. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from report import machine, milliseconds, table
from stores import STORES, quiet

ROLES: Final = Path(__file__).with_name("commits_roles.py")
BATCHES: Final = 10


@dataclass(frozen=True)
class Bench:
    """Where and with what the processes run.

    Attributes:
        deeplake: The Python that has Deep Lake.
        env: Of the processes.
        folder: For datasets.
    """

    deeplake: str
    env: dict[str, str]
    folder: Path

    def role(self, store: str, role: str, name: str, *numbers: int, timeout: float | None = None) -> dict[str, Any]:
        """Run a process of commits_roles.py, and take its answer.

        Raises:
            subprocess.TimeoutExpired: it took longer; it was killed.
        """
        python = self.deeplake if store.startswith("deeplake") else sys.executable
        command = [python, str(ROLES), store, role, str(self.folder / name), *map(str, numbers)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise SystemExit(f"{store} {role}: {(done.stderr.strip().splitlines() or ['it ended'])[-1]}")
        return json.loads(done.stdout)


def grown(bench: Bench, store: str, points: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Commits up to each point; the first that takes longer than `seconds` ends it, and is marked."""
    bench.role(store, "make", f"{store}-grown")
    results: list[dict[str, Any]] = []
    for point in points:
        try:
            results.append(bench.role(store, "grow", f"{store}-grown", point, timeout=seconds))
        except subprocess.TimeoutExpired:
            results.append({"at": point, "version": results[-1]["version"] if results else "", "over": seconds})
            break
        print(f"{store}: {json.dumps(results[-1])}", file=sys.stderr)
    return results


def opened(bench: Bench, store: str, rows: int, batches: int, repeat: int) -> dict[str, Any]:
    """Make a dataset of so many rows, then open it in new processes."""
    name = f"{store}-{batches}"
    made = bench.role(store, "fill", name, rows, batches)
    print(f"{store}: {rows} rows in {batches} commits: {json.dumps(made)}", file=sys.stderr)
    walls = []
    for _ in range(repeat):
        began = time.perf_counter()
        answer = bench.role(store, "open", name)
        walls.append(time.perf_counter() - began)
        if answer["rows"] != rows:
            raise SystemExit(f"{store}: {answer['rows']} rows, not {rows}")
    more = {**bench.role(store, "reopen", name), **bench.role(store, "ask", name)}
    return {"made": made, "batches": batches, "process": statistics.median(walls), **more}


def commit_page(grew: dict[str, list[dict[str, Any]]]) -> str:
    """The table of commits."""
    head = [
        "",
        "commits",
        "a second",
        "append, ms",
        "slowest, ms",
        "files left",
        "bytes left",
        "bytes written",
        "commit",
    ]
    rows = [[f"{store} {one['version']}", *_cells(one)] for store, ones in grew.items() for one in ones]
    return table(head, rows)


def _cells(one: dict[str, Any]) -> list[str]:
    if "over" in one:
        return [f"{one['at']:,}", f"not reached in {one['over']:.0f} s", *["-"] * 6]
    commit = "-" if one["commit"] is None else f"{one['commit']:,}"
    return [
        f"{one['at']:,}",
        f"{one['second']:.0f}",
        milliseconds(one["median"]),
        milliseconds(one["slowest"]),
        f"{one['files']:.1f}",
        f"{one['left']:,.0f}",
        f"{one['written']:,.0f}",
        commit,
    ]


def open_page(answers: dict[str, list[dict[str, Any]]]) -> str:
    """The table of openings."""
    head = ["", "commits", "files", "MB", "new process, ms", "again, ms", "asked of storage", "bytes read"]
    rows = [[store, *_opening(one)] for store, ones in answers.items() for one in ones]
    return table(head, rows)


def _opening(one: dict[str, Any]) -> list[str]:
    read = "-" if one["read"] is None else f"{one['read']:,}"
    made = one["made"]
    return [
        f"{one['batches']:,}",
        f"{made['files']:,}",
        f"{made['size'] / 1e6:.0f}",
        milliseconds(one["process"]),
        milliseconds(one["warm"]),
        one["asked"],
        read,
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", nargs="+", choices=list(STORES), default=["reelbase"])
    parser.add_argument("--points", nargs="+", type=int, default=[10, 1_000, 10_000], help="measure after so many")
    parser.add_argument("--seconds", type=float, default=900, help="give a point up that takes longer")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the datasets to open; 0: open none")
    parser.add_argument("--open", nargs="+", choices=list(STORES), default=["reelbase"], help="stores to open")
    parser.add_argument("--many", type=int, default=10_000, help="commits of the second dataset of each; 0: none")
    parser.add_argument("--repeat", type=int, default=5, help="new processes that open")
    parser.add_argument("--deeplake-python", default=sys.executable, help="the Python that has Deep Lake")
    parser.add_argument("--folder", type=Path, help="for the datasets; by default where temporary files are")
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


def main() -> None:
    """Measure, and print both tables."""
    options = _options()
    before = os.getloadavg()[0]
    scratch = tempfile.TemporaryDirectory(prefix="reelbase-commits-", dir=options.folder)
    with scratch as folder, quiet(Path(folder)) as env:
        bench = Bench(options.deeplake_python, env, Path(folder))
        grew = {store: grown(bench, store, options.points, options.seconds) for store in options.stores}
        counts = [count for count in (BATCHES, options.many) if count and options.rows]
        answers = {s: [opened(bench, s, options.rows, n, options.repeat) for n in counts] for s in options.open}
    load = f"load before {before:.1f}, after {os.getloadavg()[0]:.1f}"
    print(f"{machine()}; {load}\n\n{commit_page(grew)}\n\n{open_page(answers)}\n")
    if options.json:
        options.json.write_text(json.dumps({"commits": grew, "opened": answers}, indent=1))


if __name__ == "__main__":
    main()

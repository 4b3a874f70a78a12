"""200 SIGKILLs over three writers at work together, with a reader that checks all rows all the time.

They are four runs of fifty, with seeds of their own, so that workers can share them.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import herd
import pytest

import reelbase

KILLS = 50
WRITERS = 3


class Herd:
    """The forking process, and what its children have said."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, str(Path(herd.__file__)), str(path), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.alive: set[int] = set()

    def start(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        self.alive.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        while _exists(pid):
            time.sleep(0.001)
        self.alive.discard(pid)

    def said(self, name: str) -> list[list[str]]:
        file = self.folder / name
        text = file.read_text() if file.exists() else ""
        return [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]

    def close(self) -> None:
        for pid in list(self.alive):
            self.kill(pid)
        self.process.communicate()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ds = reelbase.empty(tmp_path / "data")
    ds.create_tensor("id", dtype="int64")
    ds.create_tensor("text", htype="text")
    ds.create_tensor("count", dtype="int64")
    return tmp_path / "data"


@pytest.fixture
def writers(path: Path, tmp_path: Path) -> Iterator[Herd]:
    (tmp_path / "said").mkdir()
    made = Herd(path, tmp_path / "said")
    yield made
    made.close()


@pytest.mark.parametrize("seed", [3, 4, 5, 6])
def test_nothing_is_lost_or_doubled(
    path: Path, writers: Herd, seed: int, record_property: pytest.RecordProperty
) -> None:
    rng = random.Random(seed)
    reader = writers.start("read")
    running = {name: (writers.start(f"write {name} 0"), 0) for name in range(WRITERS)}
    for _ in range(KILLS):
        name = rng.randrange(WRITERS)
        pid, generation = running[name]
        _wait_for_first(writers, f"{name}-{generation}")
        time.sleep(rng.uniform(0, 0.03))
        writers.kill(pid)
        running[name] = writers.start(f"write {name} {generation + 1}"), generation + 1
    for pid, _ in running.values():
        writers.kill(pid)
    writers.kill(reader)
    counts = _judge(path, writers, {name: last for name, (_, last) in running.items()})
    for what, count in counts.items():
        record_property(what, count)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))


def _wait_for_first(writers: Herd, name: str) -> None:
    end = time.monotonic() + 60
    while not writers.said(name):
        assert time.monotonic() < end, f"writer {name} says nothing"
        time.sleep(0.001)


def _judge(path: Path, writers: Herd, last: dict[int, int]) -> dict[str, int]:
    """Compare what is there with what was said."""
    rows = herd.rows_of(path)
    appended, updated, errors = [], 0, []
    for name, generations in last.items():
        for generation in range(generations + 1):
            for what, *numbers in writers.said(f"{name}-{generation}"):
                if what == "error":
                    errors.append(numbers)
                elif what == "a":
                    appended.append((name, generation, int(numbers[0])))
                else:
                    updated += 1
                    assert rows[name, generation, int(numbers[0])] == int(numbers[1]), "an update is lost"
    opened = writers.said("reader")
    bad = [line for line in opened if line[0] != "ok"]
    lost = set(appended) - set(rows)
    assert (errors, bad, lost) == ([], [], set())
    # Of each writer one append or transaction may have been committed and not yet said.
    unsaid = len(rows) - len(appended)
    assert unsaid <= 3 * (KILLS + WRITERS)
    found = reelbase.load(path).maintenance.verify(deep=True)
    assert found.ok, found.damages
    assert len(opened) > 10
    assert len(appended) > KILLS
    return {
        "kills": KILLS + WRITERS,
        "rows acknowledged": len(appended),
        "updates acknowledged": updated,
        "rows committed and not said": unsaid,
        "lost": len(lost),
        "doubled": 0,
        "reader opens": len(opened),
        "read errors": len(bad),
        "versions": found.versions,
    }

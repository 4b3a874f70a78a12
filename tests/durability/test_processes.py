"""Real processes on a real disk: writers that are killed, writers that race."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import reelbase

WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    where = tmp_path / "data"
    ds = reelbase.empty(where)
    ds.create_tensor("id", dtype="int64")
    ds.create_tensor("text", htype="text")
    return where


def start(path: Path, name: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(path), str(name), str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def rows_of(path: Path) -> list[tuple[int, int]]:
    """Every row as (writer, k), with both tensors checked against each other."""
    ds = reelbase.load(path, read_only=True)
    if not len(ds):
        return []
    rows = [(int(name), int(k)) for name, k in np.asarray(ds.id[:].numpy())]
    assert len(ds.text) == len(rows)
    for row, (name, k) in enumerate(rows):
        assert ds.text[row].data() == f"{name}-{k}" * (1 + k % 50)
    return rows


def acknowledged(lines: str) -> list[tuple[int, int]]:
    return [tuple(map(int, line.split())) for line in lines.splitlines() if line.count(" ") == 1 and line[-1].isdigit()]


def test_killed_in_an_append_loop(path: Path) -> None:
    """Nothing acknowledged is lost, nothing is torn or doubled, and the next writer goes on."""
    rng = random.Random(7)
    said: list[tuple[int, int]] = []
    for name in range(12):
        process = start(path, name, 100_000)
        go(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # not communicate(): it knows nothing of lines that came with the first
        process.communicate()
        # A line may be cut short by the kill: only whole lines were acknowledged for sure.
        said += acknowledged(first + rest[: rest.rfind("\n") + 1])
        rows = rows_of(path)
        assert len(rows) == len(set(rows))
        assert set(said) <= set(rows)
        mine = [k for writer, k in rows if writer == name]
        assert mine == list(range(len(mine)))
        assert len(mine) - len([k for writer, k in said if writer == name]) <= 1
    assert len(said) > 12


def test_three_processes_append_to_one_dataset(path: Path) -> None:
    """Every row is there once, whole, and each writer's rows are in its own order."""
    processes = [start(path, name, 100) for name in range(3)]
    for process in processes:
        go(process)
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    rows = rows_of(path)
    assert sorted(rows) == [(name, k) for name in range(3) for k in range(100)]
    for name in range(3):
        assert [k for writer, k in rows if writer == name] == list(range(100))
    turns = sum(a[0] != b[0] for a, b in pairwise(rows))
    assert turns > 2, "the writers ran one after another: this run raced nothing"


def test_a_full_disk_changes_nothing(path: Path) -> None:
    """A file size limit is in for the disk: the write fails midway, as on a full one."""
    code = f"""
import resource, signal, sys
import numpy as np
import reelbase
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ds = reelbase.load({str(path)!r})
ds.append({{"id": [0, 0], "text": "0-0"}})
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
try:
    ds.append({{"id": [0, 1], "text": np.random.default_rng(0).bytes(200_000).hex()}})
except reelbase.errors.StorageError as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert len(ds) == 1
ds.append({{"id": [0, 1], "text": "0-1" * 2}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "StorageError" in done.stdout or "StorageFullError" in done.stdout
    assert rows_of(path) == [(0, 0), (0, 1)]
    leftovers = [one for one in path.rglob("*") if one.is_file() and "tmp" in one.name]
    assert leftovers == []


def test_torn_and_missing_hints_are_ignored(path: Path) -> None:
    ds = reelbase.load(path)
    for k in range(40):
        ds.append({"id": [0, k], "text": f"0-{k}" * (1 + k % 50)})
    hint = path / "log" / "main" / "latest"
    whole = hint.read_bytes()
    hint.write_bytes(whole[: len(whole) // 2])
    assert len(rows_of(path)) == 40
    hint.write_bytes(b"")
    assert len(rows_of(path)) == 40
    hint.unlink()
    assert len(rows_of(path)) == 40
    first = next(iter(sorted((path / "log" / "main").rglob("*.rbc"))))
    hint.write_bytes(first.read_bytes())
    assert len(rows_of(path)) == 40


def test_damage_is_named(path: Path) -> None:
    ds = reelbase.load(path)
    for k in range(3):
        ds.append({"id": [0, k], "text": f"0-{k}" * (1 + k % 50)})
    for pack in path.glob("packs/*/*.pack"):
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(data)
    with pytest.raises(reelbase.errors.CorruptObjectError, match=r"packs/.*damaged"):
        rows_of(path)

"""The first read of a process may come from many threads at once, while PyAV is still being imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reelbase
import reelbase_plugins
from reelbase.testing.clips import make_clip

READS = """
import sys, threading, time
import reelbase
from reelbase.testing.clips import read_code

videos = reelbase.load(sys.argv[1], read_only=True).videos
wrong = []

def read(number):
    time.sleep(number / 200)
    try:
        code = read_code(videos[0, number].numpy())
    except BaseException as error:
        code = error
    if code != number:
        wrong.append((number, code))

threads = [threading.Thread(target=read, args=(number,)) for number in range(40)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(wrong)
"""


def test_many_threads_read_first(tmp_path: Path) -> None:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(make_clip(tmp_path / "clip.mp4", frames=40, gop=10).path))
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", READS, tmp_path / "ds"], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", [reelbase, reelbase_plugins])
def test_pyav_is_imported_whole(package) -> None:
    """Import locks are taken module by module: a thread that begins at a part of PyAV meets half of another."""
    root = Path(next(iter(package.__path__)))
    found = [f"{path}: {name}" for path in root.rglob("*.py") for name in _parts(ast.parse(path.read_text()))]
    assert found == []


def _parts(tree: ast.AST) -> Iterator[str]:
    """What parts of PyAV a module imports when it runs."""
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and tree.test.id == "TYPE_CHECKING":
        return
    if isinstance(tree, ast.ImportFrom) and (tree.module or "").split(".")[0] == "av":
        yield str(tree.module)
    if isinstance(tree, ast.Import):
        yield from (one.name for one in tree.names if one.name.startswith("av."))
    for child in ast.iter_child_nodes(tree):
        yield from _parts(child)

"""Every call of the C library that a short history makes about its files fails once, or from there on.

After each, another process finds what was acknowledged and nothing of what failed, every error is one of ours, and a
step that is done again works. See `failing_calls.py` for the history, and `failing_calls.c` for the calls.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
POINTS = 400
CALLS = {"open", "pread", "write", "fsync", "rename", "link", "unlink", "close", "mkdir", "opendir", "getdents"}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="needs a compiler, and Linux to preload a library"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, if there is such a folder: what fails here is not the disk."""
    memory = Path("/dev/shm")
    where = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else tmp_path))
    yield where
    shutil.rmtree(where)


def test_every_call_that_fails(folder: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    library = tmp_path / "failing_calls.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "failing_calls.c", "-ldl"], check=True)
    done = subprocess.run(
        [sys.executable, HERE / "failing_calls.py", library, folder],
        env={**os.environ, "LD_PRELOAD": str(library)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    record_property("calls that failed", len(points))
    problems = [f"{where}: {problem}" for where, found in points for problem in found]
    assert not problems, f"{len(problems)} problems at {len(points)} points:\n" + "\n".join(problems[:20])
    assert len(points) >= POINTS
    called = Counter(where.rpartition("(")[2].rstrip(")") for where, _ in points)
    assert called.keys() >= CALLS, "the history makes every kind of call"

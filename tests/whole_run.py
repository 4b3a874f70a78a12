"""What all workers of one test run share: a folder, and what was made in it once.

pytest-xdist starts each worker as a process of its own, with fixtures of its own. What is expensive, and the same for
all, is made by the worker that needs it first; the others wait for it.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

_FOLDER, _PROCESS = "TEST_RUN_FOLDER", "TEST_RUN_PROCESS"  # `REELBASE_…` are settings
Made = TypeVar("Made")


def begin() -> None:
    """Make the folder. Called in the process that started the run, whose environment the workers inherit."""
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="reelbase-tests-")
    os.environ[_PROCESS] = str(os.getpid())


def end() -> None:
    """Remove the folder, in the process that made it."""
    shutil.rmtree(os.environ.pop(_FOLDER), ignore_errors=True)
    del os.environ[_PROCESS]


def folder() -> Path:
    """The folder of this run."""
    return Path(os.environ[_FOLDER])


def process() -> int:
    """Id of the process that started the run. The run is over when that has ended."""
    return int(os.environ[_PROCESS])


def worker() -> str:
    """The name of this worker, such as ``gw0``. For names that workers must not share, such as those of buckets."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@contextmanager
def locked(name: str) -> Iterator[None]:
    """While the block runs, no other worker of this run is in a block of that name."""
    with (folder() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_once(name: str, make: Callable[[Path], Made]) -> Made:
    """Return what `make` returned to the worker that called it first.

    Args:
        name: What is made: a file name.
        make: Called with a new folder for its files; what it returns must be picklable.
    """
    home = folder() / name
    result = home / "returned.pickle"
    with locked(name):
        if not result.exists():
            shutil.rmtree(home, ignore_errors=True)  # of one that failed
            home.mkdir()
            made = make(home)
            result.write_bytes(pickle.dumps(made))
            return made
    found: Made = pickle.loads(result.read_bytes())
    return found

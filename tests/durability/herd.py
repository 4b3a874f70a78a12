"""A process that has everything imported and forks writers and a reader, so that starting one costs milliseconds.

Run as ``python herd.py DATASET FOLDER``. It reads lines ``write NAME GENERATION`` and ``read`` and answers each with
the pid of a new child. Children write what happened to files in FOLDER, a line at a time, unbuffered: what is there
was said before the kill.

Every writer appends rows ``id = [name, generation, k]`` with a text that spells the same, and says ``a k`` after an
append has returned; it raises the count beside one of its rows and says ``u k count``; from time to time it adds three
rows in a transaction, names a version, or compacts.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import reelbase
from reelbase.errors import CommitConflictError

Say = Callable[[str], object]

#: Seconds between writes: with none, four processes would keep all processors from whatever else is tested.
PAUSE = 0.003


def write(path: str, name: int, generation: int, say: Say) -> None:
    """Write to the dataset until killed."""
    ds = reelbase.load(path)
    k = 0
    while True:
        if k % 10 == 9:
            with ds:
                for more in range(3):
                    _append(ds, name, generation, k + more)
            say("".join(f"a {k + more}\n" for more in range(3)))
            k += 3
        else:
            _append(ds, name, generation, k)
            say(f"a {k}\n")
            row = len(ds) - 1
            if k % 4 == 0:
                ds.count[row] = [k + 1]
                say(f"u {k} {k + 1}\n")
            k += 1
        _now_and_then(ds, name, k)
        time.sleep(PAUSE)


def _append(ds: reelbase.Dataset, name: int, generation: int, k: int) -> None:
    text = f"{name}-{generation}-{k}" * (1 + k % 50)
    ds.append({"id": [name, generation, k], "text": text, "count": [0]})


def _now_and_then(ds: reelbase.Dataset, name: int, k: int) -> None:
    if k % 17 == 0:
        ds.commit(f"{name} at {k}")
    if k % 61 == 0:
        try:
            ds.maintenance.compact()
        except CommitConflictError:  # the others were quicker, again and again
            return


def read(path: str, say: Say) -> None:
    """Open the dataset and read all of it, again and again until killed."""
    while True:
        try:
            say(f"ok {len(rows_of(path))}\n")
        except Exception as error:
            say(f"bad {type(error).__name__} {error!s}".replace("\n", " ") + "\n")
        time.sleep(10 * PAUSE)


def rows_of(path: str | Path) -> dict[tuple[int, int, int], int]:
    """Every row's id and count; all that must hold between rows and tensors is checked."""
    ds = reelbase.load(path, read_only=True)
    if not len(ds):
        return {}
    ids = [(int(a), int(b), int(c)) for a, b, c in np.asarray(ds.id[:].numpy())]
    assert len(ids) == len(set(ids)), "a row is there twice"
    assert len(ds.text) == len(ds["count"]) == len(ids), "tensors have different lengths"
    for row, (name, generation, k) in enumerate(ids):
        assert ds.text[row].data() == f"{name}-{generation}-{k}" * (1 + k % 50), (
            "rows of two tensors do not belong together"
        )
    counts = [int(one) for one in np.asarray(ds["count"][:].numpy())[:, 0]]
    last: dict[tuple[int, int], int] = {}
    for name, generation, k in ids:
        assert k == last.get((name, generation), -1) + 1, "a writer's rows are not in its order, or one is missing"
        last[name, generation] = k
    return dict(zip(ids, counts, strict=True))


def _child(run: Callable[[Say], None], log: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        run(lambda line: os.write(descriptor, line.encode()))
    except BaseException as error:
        os.write(descriptor, f"error {error!r}\n".replace("\\n", " ").encode())
    os._exit(1)


def main(path: str, folder: str) -> None:
    reelbase.load(path, read_only=True)  # plugins are loaded once, here: 0.3 s that no child must wait for
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        what, *numbers = line.split()
        if what == "write":
            name, generation = map(int, numbers)
            run = lambda say, n=name, g=generation: write(path, n, g, say)  # noqa: E731
            pid = _child(run, Path(folder) / f"{name}-{generation}")
        else:
            pid = _child(lambda say: read(path, say), Path(folder) / "reader")
        print(pid, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

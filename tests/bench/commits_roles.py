"""The processes of commits.py: ``commits_roles.py STORE ROLE PATH [NUMBER …]``, one line of JSON on stdout.

Roles: ``make PATH``, ``grow PATH COMMITS``, ``fill PATH ROWS BATCHES``, ``open PATH``, ``reopen PATH``
and ``ask PATH``.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stores import STORES, Store

WINDOW = 200
OURS = "reelbase"


@dataclass(frozen=True)
class Folder:
    """What is on disk.

    Attributes:
        files: How many.
        size: Their bytes.
    """

    files: int
    size: int

    @classmethod
    def of(cls, path: str) -> Folder:
        """Of all below a path."""
        sizes = [one.stat().st_size for one in Path(path).rglob("*") if one.is_file()]
        return cls(len(sizes), sum(sizes))


def make(store: Store) -> dict[str, Any]:
    """A dataset without rows."""
    store.create()
    return {}


def grow(store: Store, commits: str) -> dict[str, Any]:
    """One-row appends up to a number; what the last of them cost."""
    upto = int(commits)
    done = store.count()
    window = min(WINDOW, upto - done)
    append = store.appender()
    began = time.perf_counter()
    for k in range(done, upto - window):
        append((0, k))
    head, counted = time.perf_counter() - began, upto - window - done
    before, written = Folder.of(store.path), _written()
    took = [_timed(lambda k=k: append((0, k))) for k in range(upto - window, upto)]
    written, after = _written() - written, Folder.of(store.path)
    return {
        "at": upto,
        "second": (counted + window) / (head + sum(took)),
        "median": statistics.median(took),
        "slowest": max(took),
        "files": (after.files - before.files) / window,
        "left": (after.size - before.size) / window,
        "written": written / window,
        "commit": store.commit_bytes(),
        "version": store.version(),
    }


def _timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _written() -> int:
    """Bytes that this process has given to write calls, over all its threads."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def fill(store: Store, rows: str, batches: str) -> dict[str, Any]:
    """So many rows in so many commits."""
    store.create()
    count, times = int(rows), int(batches)
    size = count // times
    began = time.perf_counter()
    for start in range(0, count, size):
        store.extend([(0, k) for k in range(start, start + size)])
    return {"seconds": time.perf_counter() - began, **vars(Folder.of(store.path))}


def open(store: Store) -> dict[str, Any]:
    """Open and count the rows, once: its parent times the whole process."""
    return {"rows": store.count()}


def reopen(store: Store) -> dict[str, Any]:
    """Open and count the rows in a process that has done so before."""
    store.count()
    return {"warm": statistics.median(_timed(store.count) for _ in range(20))}


def ask(store: Store) -> dict[str, Any]:
    """What opening and counting asks of the storage; of ours alone."""
    if store.name != OURS:
        return {"asked": "-", "read": None}
    from counting import counted

    with counted(store.path) as asked:
        store.count()
    return {"asked": asked.said(), "read": asked.read}


ROLES = {role.__name__: role for role in (make, grow, fill, open, reopen, ask)}


def _main() -> None:
    name, role, path, *numbers = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to stderr
    json.dump(ROLES[role](STORES[name](path), *numbers), out)


if __name__ == "__main__":
    _main()

"""Runs a short history again and again, each time with one failing call of the C library; prints what came of it.

Started by `test_failing_calls`, with the library of `failing_calls.c` preloaded: ``failing_calls.py LIBRARY FOLDER``.
Each run is a fork of this process, which has everything imported, so it takes hundredths of a second.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import reelbase
from reelbase.errors import CommitOutcomeUnknownError, OutcomeUnknownError, ReelbaseError

_WRITES = ("write", "link", "rename", "mkdir")
#: What each error happens to, and whether to all later calls too. Any call can fail with EIO; a full disk says so where
#: something is written; Python repeats calls that were interrupted.
ERRORS: tuple[tuple[int, bool, tuple[str, ...]], ...] = (
    (errno.EIO, False, ()),
    (errno.EIO, True, _WRITES),
    (errno.ENOSPC, False, _WRITES),
    (errno.ENOSPC, True, ("write",)),
    (errno.EINTR, False, ("write",)),
)
Step = tuple[Callable[[reelbase.Dataset], object], Callable[[list[Any], dict[str, Any]], object]]


def _append_two(ds: reelbase.Dataset) -> None:
    with ds:
        ds.append({"n": 4})
        ds.n.append(5)


#: What is done to a dataset and to a model of it: the rows, and the metadata.
STEPS: tuple[Step, ...] = (
    (lambda ds: ds.n.extend([1, 2, 3]), lambda rows, info: rows.extend([1, 2, 3])),
    (_append_two, lambda rows, info: rows.extend([4, 5])),
    (lambda ds: ds.info.update(k=1), lambda rows, info: info.update(k=1)),
    (lambda ds: ds.n.__setitem__(1, 20), lambda rows, info: rows.__setitem__(1, 20)),
    (lambda ds: ds.maintenance.expire(keep=0), lambda rows, info: None),
    (lambda ds: ds.maintenance.gc(timedelta(0)), lambda rows, info: None),
)


class Run:
    """One run of the history.

    Attributes:
        problems: What is wrong with what came of it.
    """

    def __init__(self, path: str, disarm: Callable[[], object]) -> None:
        self.path = path
        self.problems: list[str] = []
        self._disarm = disarm
        self._rows: list[Any] = []
        self._info: dict[str, Any] = {}
        self._doubtful: list[tuple[list[Any], dict[str, Any]]] = []

    def go(self, *, lasting: bool) -> None:
        """Do every step; one that failed is done again, as a user would."""
        ds = self._create()
        for act, model in STEPS:
            for _ in range(3):
                try:
                    act(ds)
                except ReelbaseError as error:
                    if lasting:
                        self._disarm()
                    if isinstance(error, (CommitOutcomeUnknownError, OutcomeUnknownError)) and self._stands(model):
                        ds = reelbase.load(self.path)
                        break
                    ds = self._reopen()
                else:
                    break
            else:
                self.problems.append("a step fails again and again")
            model(self._rows, self._info)
        self._disarm()
        self._check()

    def _create(self) -> reelbase.Dataset:
        for _ in range(4):
            try:
                ds = reelbase.load(self.path) if reelbase.exists(self.path) else reelbase.empty(self.path)
                if "n" not in ds.tensors:
                    ds.create_tensor("n", dtype="int64")
            except ReelbaseError:
                self._disarm()
            else:
                return ds
        raise AssertionError("no dataset can be made")

    def _reopen(self) -> reelbase.Dataset:
        """After an error, another process sees what was acknowledged, and nothing of what failed."""
        try:
            ds = reelbase.load(self.path)
        except ReelbaseError:  # the fault struck here: it happens once
            self._disarm()
            ds = reelbase.load(self.path)
        if (found := _look(ds)) != (self._rows, self._info):
            self.problems.append(f"after a failure there is {found}, not {(self._rows, self._info)}")
        return ds

    def _stands(self, model: Callable[[list[Any], dict[str, Any]], object]) -> bool:
        """Whether a step of which that was not known took effect."""
        rows, info = list(self._rows), dict(self._info)
        model(rows, info)
        return _look(reelbase.load(self.path)) == (rows, info)

    def _check(self) -> None:
        ds = reelbase.load(self.path)
        if (found := _look(ds)) != (self._rows, self._info):
            self.problems.append(f"at the end there is {found}, not {(self._rows, self._info)}")
        self.problems += map(str, ds.maintenance.verify(deep=True).damages)


def _look(ds: reelbase.Dataset) -> tuple[list[Any], dict[str, Any]]:
    return [int(view.numpy()) for view in ds.n], dict(ds.info)


class Shim:
    """The preloaded library."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self._library.failing_calls_struck.restype = ctypes.c_char_p
        self._folder = b""

    def arm(self, folder: str, at: int, error: int, *, lasting: bool) -> None:
        self._folder = folder.encode()
        self._library.failing_calls_arm(self._folder, ctypes.c_long(at), error, int(lasting))

    def disarm(self) -> None:
        self._library.failing_calls_arm(self._folder, ctypes.c_long(0), 0, 0)

    @property
    def struck(self) -> str:
        return str(self._library.failing_calls_struck().decode())


def run_in_child(shim: Shim, folder: Path, at: int, error: int, *, lasting: bool) -> tuple[str, list[str]]:
    """Run the history in a fork. Returns the call that failed ("" if there are fewer calls), and the problems."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        struck: list[str] = []
        run = Run(str(folder / "ds"), lambda: (struck.append(shim.struck), shim.disarm()))
        try:
            shim.arm(str(folder), at, error, lasting=lasting)
            run.go(lasting=lasting)
        except BaseException as problem:
            run.problems.append(f"{type(problem).__name__}: {problem}")
            struck.append(shim.struck)
        with os.fdopen(writing, "w") as pipe:
            json.dump((next(filter(None, struck), ""), run.problems), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return tuple(json.loads(text)) if text else ("died", ["the process died"])  # type: ignore[return-value]


def runs(shim: Shim, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Every point that fails, and the problems there."""
    names: list[str] = []  # of the calls that a run without faults makes
    for error, lasting, only in ERRORS:
        for at in itertools.count(1) if not only else range(1, len(names) + 1):
            if only and names[at - 1] not in only:
                continue
            struck, problems = run_in_child(shim, folder, at, error, lasting=lasting)
            if not struck:
                break  # the history has fewer calls
            names += [] if only else [struck]
            yield f"{errno.errorcode[error]}{' from here on' * lasting} at {at} ({struck})", problems


if __name__ == "__main__":
    Run(f"{sys.argv[2]}/warm/ds", lambda: None).go(lasting=False)  # everything is imported now
    for where, found in runs(Shim(sys.argv[1]), Path(sys.argv[2]) / "run"):
        print(json.dumps([where, found]), flush=True)

"""Where the rows of a tensor were born, so that branches can tell which rows they have in common.

Physical rows of a branch are never renumbered, so (branch, physical row) names a row for ever. A fork inherits rows, a
merge brings some in: both are pieces ``[start, branch, row there]``, each of which reaches to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

Run = tuple[int, int]
Runs = tuple[Run, ...]
Piece = tuple[int, str, int]
OWN = ""  # a piece of rows that were born on this branch, where they still are


@dataclass(frozen=True)
class Origins:
    """The births of one tensor's rows on one branch; with no pieces at all, all were born here."""

    pieces: tuple[Piece, ...] = ()

    def fork(self, branch: str, rows: int) -> Origins:
        """As a new branch inherits them from `branch`, which has `rows` physical rows."""
        named = tuple((start, name or branch, row) for start, name, row in self._explicit_pieces())
        return Origins((*(piece for piece in named if piece[0] < rows), (rows, OWN, rows)))

    def adopt(self, start: int, count: int, branch: str, row: int) -> Origins:
        """With `count` rows from `start` on that were born on `branch` as `row` and after."""
        kept = [piece for piece in self._explicit_pieces() if piece[0] < start]
        after = [
            (max(first, start + count), name, row + max(start + count - first, 0))
            for first, stop, name, row in self._iter_spans()
            if stop > start + count
        ]
        return Origins(_drop_redundant([*kept, (start, branch, row), *after]))

    def births(self, runs: Runs, own: str) -> dict[str, Runs]:
        """The same rows by branch of birth; `own` is the name of this branch."""
        found: dict[str, list[Run]] = {}
        for start, stop, branch, row in self._iter_spans():
            for a, b in _clip(runs, start, stop):
                found.setdefault(branch or own, []).append((row + a - start, row + b - start))
        return {branch: runs for branch, born in found.items() if (runs := union(born))}

    def rows(self, branch: str, runs: Runs, own: str) -> Runs:
        """The physical rows here of rows born on `branch`; those that never came here are left out."""
        found: list[Run] = []
        for start, stop, name, row in self._iter_spans():
            if (name or own) == branch:
                found += ((start + a - row, start + b - row) for a, b in _clip(runs, row, row + stop - start))
        return union(found)

    def locate(self, branch: str, run: Run, own: str) -> NDArray[np.int64]:
        """The physical row here of each row of a run born on `branch`, all of which are here, in order of birth."""
        rows = np.zeros(run[1] - run[0], np.int64)
        for start, stop, name, row in self._iter_spans():
            if (name or own) == branch:
                for a, b in _clip((run,), row, row + stop - start):
                    rows[a - run[0] : b - run[0]] = np.arange(start + a - row, start + b - row)
        return rows

    def spans(self, start: int, stop: int, own: str) -> list[tuple[int, int, str, int]]:
        """Physical rows by piece: offset from `start`, count, branch of birth and row there."""
        found = []
        for first, last, branch, row in self._iter_spans():
            for a, b in _clip(((start, stop),), first, last):
                found.append((a - start, b - a, branch or own, row + a - first))
        return found

    def _explicit_pieces(self) -> tuple[Piece, ...]:
        return self.pieces or ((0, OWN, 0),)

    def _iter_spans(self) -> Iterator[tuple[int, int, str, int]]:
        """Start, stop, branch and row there of each piece."""
        for (start, branch, row), (stop, *_) in pairwise((*self._explicit_pieces(), (1 << 62, OWN, 0))):
            yield start, stop, branch, row

    def as_json(self) -> list[list[Any]]:
        """The form a commit carries."""
        return [list(piece) for piece in self.pieces]

    @classmethod
    def from_json(cls, stored: Any) -> Origins:
        """The inverse of `as_json`."""
        return cls(tuple((int(start), str(branch), int(row)) for start, branch, row in stored))


def _drop_redundant(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Pieces without those that only go on where the one before them leads."""
    left: list[Piece] = []
    for start, branch, row in pieces:
        if not left or left[-1][1] != branch or left[-1][2] + start - left[-1][0] != row:
            left.append((start, branch, row))
    return tuple(left)


def union(runs: Iterable[Run]) -> Runs:
    """Sorted, disjoint runs that cover the same rows."""
    every = np.array(sorted(runs), np.int64).reshape(-1, 2)
    every = every[every[:, 0] < every[:, 1]]
    if not len(every):
        return ()
    reach = np.maximum.accumulate(every[:, 1])
    first = np.flatnonzero(np.append(True, every[1:, 0] > reach[:-1]))
    stops = reach[np.append(first[1:], len(every)) - 1]
    return tuple(zip(every[first, 0].tolist(), stops.tolist(), strict=True))


def intersect(mine: Runs, theirs: Runs) -> Runs:
    """The rows in both."""
    return union(found for start, stop in theirs for found in _clip(mine, start, stop))


def subtract(runs: Runs, gone: Runs) -> Runs:
    """Sorted, disjoint `runs` without the rows of sorted, disjoint `gone`."""
    left: list[Run] = []
    for start, stop in runs:
        at = start
        for a, b in _clip(gone, start, stop):
            left.append((at, a))
            at = b
        left.append((at, stop))
    return union(left)


def _clip(runs: Runs, start: int, stop: int) -> list[Run]:
    return [(max(a, start), min(b, stop)) for a, b in runs if a < stop and start < b]

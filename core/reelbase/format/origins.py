"""Where the rows of a tensor were born, so that two branches know which rows they have in common.

The physical rows of a branch are never renumbered. So a branch and a physical row on it name a row for ever: its birth.
Rows that a branch inherited or merged were born elsewhere. They are recorded as pieces ``[start, branch, row there]``,
each of which reaches to the next. So births need no bytes per row (decision 13).
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
OWN = ""  # the branch of a piece of rows that were born on this branch, where they still are


@dataclass(frozen=True)
class Origins:
    """The births of one tensor's rows on one branch.

    Attributes:
        pieces: Pieces in row order. If there are none, all rows were born on this branch.
    """

    pieces: tuple[Piece, ...] = ()

    def fork(self, branch: str, rows: int) -> Origins:
        """Return the births as a new branch has them.

        Args:
            branch: The branch that it starts from.
            rows: Number of physical rows there.
        """
        # Rows that were born on the old branch itself now need its name. Rows after them are born on the new branch.
        inherited = tuple((start, name or branch, row) for start, name, row in self._explicit_pieces())
        return Origins((*(piece for piece in inherited if piece[0] < rows), (rows, OWN, rows)))

    def adopt(self, start: int, count: int, branch: str, row: int) -> Origins:
        """Return the births with `count` rows from `start` on that were born on `branch`, from `row` on."""
        # Pieces reach to the next one, so what follows the adopted rows needs a piece of its own.
        kept = [piece for piece in self._explicit_pieces() if piece[0] < start]
        after = [
            (max(first, start + count), name, row + max(start + count - first, 0))
            for first, stop, name, row in self._iter_spans()
            if stop > start + count
        ]
        return Origins(_drop_redundant([*kept, (start, branch, row), *after]))

    def births(self, runs: Runs, own: str) -> dict[str, Runs]:
        """Return the births of physical rows, as runs by branch of birth.

        Args:
            runs: Physical rows.
            own: Name of this branch.
        """
        found: dict[str, list[Run]] = {}
        for start, stop, branch, row in self._iter_spans():
            for a, b in _clip(runs, start, stop):
                found.setdefault(branch or own, []).append((row + a - start, row + b - start))
        return {branch: runs for branch, born in found.items() if (runs := union(born))}

    def rows(self, branch: str, runs: Runs, own: str) -> Runs:
        """Return the physical rows here of rows that were born on `branch`. Those that are not here are left out.

        Args:
            branch: Branch of birth.
            runs: Rows there.
            own: Name of this branch.
        """
        found: list[Run] = []
        for start, stop, name, row in self._iter_spans():
            if (name or own) == branch:
                found += ((start + a - row, start + b - row) for a, b in _clip(runs, row, row + stop - start))
        return union(found)

    def locate(self, branch: str, run: Run, own: str) -> NDArray[np.int64]:
        """Return the physical row here of each row of a run, in order of birth. All of them must be here.

        Args:
            branch: Branch of birth.
            run: Rows there.
            own: Name of this branch.
        """
        rows = np.zeros(run[1] - run[0], np.int64)
        for start, stop, name, row in self._iter_spans():
            if (name or own) == branch:
                for a, b in _clip((run,), row, row + stop - start):
                    rows[a - run[0] : b - run[0]] = np.arange(start + a - row, start + b - row)
        return rows

    def spans(self, start: int, stop: int, own: str) -> list[tuple[int, int, str, int]]:
        """Return where the physical rows ``start:stop`` were born.

        Args:
            start: First physical row.
            stop: Row after the last.
            own: Name of this branch.

        Returns:
            For each piece of them: offset from `start`, count, branch of birth, and the row there.
        """
        found = []
        for first, last, branch, row in self._iter_spans():
            for a, b in _clip(((start, stop),), first, last):
                found.append((a - start, b - a, branch or own, row + a - first))
        return found

    def _explicit_pieces(self) -> tuple[Piece, ...]:
        return self.pieces or ((0, OWN, 0),)

    def _iter_spans(self) -> Iterator[tuple[int, int, str, int]]:
        """Yield start, stop, branch and row there of each piece."""
        for (start, branch, row), (stop, *_) in pairwise((*self._explicit_pieces(), (1 << 62, OWN, 0))):
            yield start, stop, branch, row

    def as_json(self) -> list[list[Any]]:
        """Return the form that a commit carries."""
        return [list(piece) for piece in self.pieces]

    @classmethod
    def from_json(cls, stored: Any) -> Origins:
        """Return the origins that `as_json` wrote."""
        return cls(tuple((int(start), str(branch), int(row)) for start, branch, row in stored))


def _drop_redundant(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Return the pieces without those that only continue the piece before them."""
    left: list[Piece] = []
    for start, branch, row in pieces:
        if not left or left[-1][1] != branch or left[-1][2] + start - left[-1][0] != row:
            left.append((start, branch, row))
    return tuple(left)


def union(runs: Iterable[Run]) -> Runs:
    """Return sorted, disjoint runs that cover the same rows."""
    bounds = np.array(sorted(runs), np.int64).reshape(-1, 2)
    bounds = bounds[bounds[:, 0] < bounds[:, 1]]
    if not len(bounds):
        return ()
    reach = np.maximum.accumulate(bounds[:, 1])
    # A new run starts where a start is beyond everything that the runs before it reach.
    first = np.flatnonzero(np.append(True, bounds[1:, 0] > reach[:-1]))
    stops = reach[np.append(first[1:], len(bounds)) - 1]
    return tuple(zip(bounds[first, 0].tolist(), stops.tolist(), strict=True))


def intersect(mine: Runs, theirs: Runs) -> Runs:
    """Return the rows that are in both."""
    return union(found for start, stop in theirs for found in _clip(mine, start, stop))


def subtract(runs: Runs, gone: Runs) -> Runs:
    """Return the rows of `runs` that are not in `gone`. Both must be sorted and disjoint."""
    left: list[Run] = []
    for start, stop in runs:
        at = start
        for a, b in _clip(gone, start, stop):
            left.append((at, a))
            at = b
        left.append((at, stop))
    return union(left)


def _clip(runs: Runs, start: int, stop: int) -> list[Run]:
    """Return the parts of runs that are between `start` and `stop`."""
    return [(max(a, start), min(b, stop)) for a, b in runs if a < stop and start < b]

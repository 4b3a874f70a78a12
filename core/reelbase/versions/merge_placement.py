"""Where rows go that a merge brings in: beside the rows that they are next to there, else behind all that is here.

A tensor that a branch added has its samples beside rows that are older than itself. Where those are here is told by
the tensors that both branches have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from reelbase.format.extract import is_missing
from reelbase.format.origins import intersect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.format.commit import Commit
    from reelbase.format.draft import Draft
    from reelbase.format.origins import Runs
    from reelbase.format.state import Rows

_DELETED_HERE, _NOT_HERE = -1, -2


@dataclass(frozen=True)
class Block:
    """Successive physical rows there, and where they go.

    Attributes:
        start: The first, there.
        count: How many.
        target: The logical row here that the first is to have.
    """

    start: int
    count: int
    target: int


@dataclass
class Placement:
    """What becomes of new rows of one tensor.

    Attributes:
        fills: Physical row there, and the empty physical row here that it fills.
        blocks: Rows to append, by target.
        filled: The rows here of `fills`.
    """

    fills: list[tuple[int, int]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    filled: set[int] = field(default_factory=set)

    def fill(self, row: int, here: int) -> None:
        """One row fills an empty one."""
        self.fills.append((row, here))
        self.filled.add(here)

    def append(self, row: int, target: int) -> None:
        """One more row is appended, at `target` or after."""
        last = self.blocks[-1] if self.blocks else Block(-1, 0, -1)
        if (last.start + last.count, last.target + last.count) == (row, target):
            self.blocks[-1] = Block(last.start, last.count + 1, last.target)
        else:
            self.blocks.append(Block(row, 1, target))


class RowPlacer:
    """Which row here each row there is to have: its own if both know it, none if it was deleted here, or a new one."""

    def __init__(self, draft: Draft, theirs: Commit) -> None:
        self._draft = draft
        self._theirs = theirs
        self._store = draft.store
        self._table = self._compute_targets()

    def place(self, tensor: str, new: Runs) -> Placement:
        """Where physical rows of one tensor go; those beside a row that was deleted here are left out."""
        rows = self._theirs.state.rows[tensor]
        physical = np.concatenate([np.arange(*run, dtype=np.int64) for run in new])
        targets = self._table[rows.dead.to_logical(self._store, physical)]
        order = np.argsort(targets, kind="stable")
        order = order[targets[order] != _DELETED_HERE]
        return self._spread(tensor, physical[order].tolist(), targets[order].tolist())

    def _spread(self, tensor: str, physical: list[int], targets: list[int]) -> Placement:
        """By target. What should lie where this tensor has rows already fills an empty one, or else comes behind."""
        rows, held = self._theirs.state.rows[tensor], self._draft.state.rows[tensor]
        plan, at = Placement(), len(held)
        for row, wanted in zip(physical, targets, strict=True):
            if wanted < len(held):
                if is_missing(self._store, rows, row):
                    continue
                here = held.to_physical(self._store, wanted)
                if is_missing(self._store, held, here) and here not in plan.filled:
                    plan.fill(row, here)
                    continue
            at = max(at, wanted)
            plan.append(row, at)
            at += 1
        return plan

    def _compute_targets(self) -> NDArray[np.int64]:
        """By logical row there, the row here, `_DELETED_HERE`, or behind all rows here."""
        longest = max((len(rows) for rows in self._theirs.state.rows.values()), default=0)
        table = np.full(longest, _NOT_HERE, np.int64)
        for tensor in self._theirs.state.rows:
            if tensor in self._draft.state.rows:
                known = self._find_known(tensor)
                part = table[: len(known)]
                part[:] = np.where(part < 0, np.maximum(part, known), part)
        behind = max((len(rows) for rows in self._draft.state.rows.values()), default=0)
        new = table == _NOT_HERE
        table[new] = behind + np.arange(int(new.sum()))
        return table

    def _find_known(self, tensor: str) -> NDArray[np.int64]:
        """By logical row there of one tensor, the row here, `_DELETED_HERE`, or `_NOT_HERE` if it never came here."""
        mine, other = self._draft.state.rows[tensor], self._theirs.state.rows[tensor]
        here = mine.origins.births(((0, mine.physical_rows),), self._draft.base.branch)
        there = other.origins.births(other.live_runs(self._store), self._theirs.branch)
        table = np.full(len(other), _NOT_HERE, np.int64)
        for branch in here.keys() & there.keys():
            for run in intersect(here[branch], there[branch]):
                rows = other.dead.to_logical(self._store, other.origins.locate(branch, run, self._theirs.branch))
                table[rows] = self._to_rows_here(mine, mine.origins.locate(branch, run, self._draft.base.branch))
        return table

    def _to_rows_here(self, rows: Rows, physical: NDArray[np.int64]) -> NDArray[np.int64]:
        dead = np.zeros(rows.physical_rows, np.bool_)
        for start, stop in rows.dead.runs(self._store):
            dead[start:stop] = True
        return np.where(dead[physical], _DELETED_HERE, rows.dead.to_logical(self._store, physical))

"""Where the new rows of a merge go: next to the rows that they are next to there, or else after all rows here.

A tensor that the other branch created has its samples next to rows that are older than the tensor. The tensors that
both branches have show where those rows are here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from reelbase.format.extract_rows import is_missing
from reelbase.format.origins import intersect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.format.commit import Commit
    from reelbase.format.draft import Draft
    from reelbase.format.origins import Runs
    from reelbase.format.state import Rows

# In place of a row. Where tensors disagree about a row, the largest value wins, so a row wins over both of these.
_DELETED_HERE, _NOT_HERE = -1, -2


@dataclass(frozen=True)
class Block:
    """Consecutive physical rows there, and where they go.

    Attributes:
        start: The first row, there.
        count: Number of rows.
        target: The logical row here that the first row gets.
    """

    start: int
    count: int
    target: int


@dataclass
class Placement:
    """Where the new rows of one tensor go.

    Attributes:
        fills: Pairs of a physical row there and the empty physical row here that it fills.
        blocks: Rows to append, in order of their targets.
        filled: The rows here that are in `fills`.
    """

    fills: list[tuple[int, int]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    filled: set[int] = field(default_factory=set)

    def fill(self, row: int, here: int) -> None:
        """Let a row there fill an empty row here."""
        self.fills.append((row, here))
        self.filled.add(here)

    def append(self, row: int, target: int) -> None:
        """Append one row there, as logical row `target` here."""
        last = self.blocks[-1] if self.blocks else Block(-1, 0, -1)
        if (last.start + last.count, last.target + last.count) == (row, target):
            self.blocks[-1] = Block(last.start, last.count + 1, last.target)
        else:
            self.blocks.append(Block(row, 1, target))


class RowPlacer:
    """Finds for each row there the row here that it goes to.

    It is the row's own place if both sides have the row, and a new one if this branch never had it. A row that was
    deleted here has no place.

    Args:
        draft: The draft of the merge.
        theirs: The commit that is merged.
    """

    def __init__(self, draft: Draft, theirs: Commit) -> None:
        self._draft = draft
        self._theirs = theirs
        self._store = draft.store
        self._table = self._compute_targets()

    def place(self, tensor: str, new: Runs) -> Placement:
        """Return where new rows of one tensor go. Rows next to a row that was deleted here are left out (decision 22).

        Args:
            tensor: Id of the tensor.
            new: The physical rows there.
        """
        rows = self._theirs.state.rows[tensor]
        physical = np.concatenate([np.arange(*run, dtype=np.int64) for run in new])
        targets = self._table[rows.dead.to_logical(self._store, physical)]
        order = np.argsort(targets, kind="stable")
        order = order[targets[order] != _DELETED_HERE]
        return self._spread(tensor, physical[order].tolist(), targets[order].tolist())

    def _spread(self, tensor: str, physical: list[int], targets: list[int]) -> Placement:
        """Return the placement of rows, which are sorted by their targets.

        A row whose target exists in this tensor fills it if it is empty. All others are appended.
        """
        rows, held = self._theirs.state.rows[tensor], self._draft.state.rows[tensor]
        placement, at = Placement(), len(held)
        for row, wanted in zip(physical, targets, strict=True):
            if wanted < len(held):
                if is_missing(self._store, rows, row):
                    continue  # it would fill a row with nothing
                here = held.to_physical(self._store, wanted)
                # A tensor that has a sample there keeps it, so the new row goes after all rows.
                if is_missing(self._store, held, here) and here not in placement.filled:
                    placement.fill(row, here)
                    continue
            at = max(at, wanted)
            placement.append(row, at)
            at += 1
        return placement

    def _compute_targets(self) -> NDArray[np.int64]:
        """Return for each logical row there the logical row here, or `_DELETED_HERE`."""
        longest = max((len(rows) for rows in self._theirs.state.rows.values()), default=0)
        table = np.full(longest, _NOT_HERE, np.int64)
        for tensor in self._theirs.state.rows:
            if tensor in self._draft.state.rows:
                known = self._find_known(tensor)
                part = table[: len(known)]
                part[:] = np.where(part < 0, np.maximum(part, known), part)
        end = max((len(rows) for rows in self._draft.state.rows.values()), default=0)
        is_new = table == _NOT_HERE
        table[is_new] = end + np.arange(int(is_new.sum()))
        return table

    def _find_known(self, tensor: str) -> NDArray[np.int64]:
        """Return for each logical row of a tensor there the row here, `_DELETED_HERE` or `_NOT_HERE`."""
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
        """Return the logical rows of physical rows here, or `_DELETED_HERE`."""
        is_deleted = np.zeros(rows.physical_rows, np.bool_)
        for start, stop in rows.dead.runs(self._store):
            is_deleted[start:stop] = True
        return np.where(is_deleted[physical], _DELETED_HERE, rows.dead.to_logical(self._store, physical))

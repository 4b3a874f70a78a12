"""Bringing another branch's changes into this one.

What each side did since they last met is known from the footprints of its commits; rows are matched by where they were
born. So rows need no ids of their own, and nothing is compared that nobody touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reelbase.format.draft import Draft
from reelbase.format.entry import missing
from reelbase.format.extract import Pieces, row_entries, same_row
from reelbase.format.footprint import Footprint
from reelbase.format.ops import Added, Append, Create, Delete, Drop, FixDtype, Rename, SetInfo, SetTxn, Update
from reelbase.format.origins import Runs, common, without
from reelbase.format.rows import ColumnBuilder
from reelbase.format.state import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.header import Header
    from reelbase.format.store import Store
    from reelbase.versions.lineage import Lineage


def merge(lineage: Lineage, store: Store, ours: Commit, theirs: Commit) -> Draft:
    """A draft on `ours` that does what `theirs` did since the two last met.

    Raises:
        CommitConflictError: both changed the same row, or one a tensor that the other dropped or renamed.
        HtypeError: both fixed a tensor's dtype, differently.
    """
    brought = _touched(lineage.between(ours.header, theirs.header))
    own = _touched(lineage.between(theirs.header, ours.header))
    names = {one.id: one.name for one in (*theirs.state.tensors.values(), *ours.state.tensors.values())}
    brought.check(own, names)
    merging = _Merge(store, ours, theirs, brought)
    merging.schemas(own)
    merging.changes()
    merging.rows()
    return merging.draft


def _touched(headers: Iterable[Header]) -> Footprint:
    """What commits touched; a merge only repeats what the commits of the merged branch did."""
    return Footprint.united(one.touched for one in headers if one.merged is None)


class _Merge:
    def __init__(self, store: Store, ours: Commit, theirs: Commit, brought: Footprint) -> None:
        self.draft = Draft(store, ours)
        self._store = store
        self._ours = ours
        self._theirs = theirs
        self._brought = brought

    def schemas(self, own: Footprint) -> None:
        """Tensors created, dropped and renamed; dtypes and metadata."""
        state, held = self._theirs.state, self._ours.state.tensors
        for tensor in self._brought.schema & held.keys():
            if tensor not in state.tensors:
                self.draft.do(Drop(tensor))
            elif held[tensor].name != state.tensors[tensor].name:
                self.draft.do(Rename(tensor, state.tensors[tensor].name))
        for tensor, schema in state.tensors.items():
            if tensor not in held and tensor not in own.schema:
                self.draft.do(Create(schema))
            elif tensor in held and held[tensor].dtype is None and schema.dtype is not None:
                self.draft.do(FixDtype(tensor, schema.dtype))
        for app, number in state.txns.items():
            if number > self._ours.state.txns.get(app, number - 1):
                self.draft.do(SetTxn(app, number))
        for tensor, _, key in sorted(name.partition("/") for name in self._brought.info):
            self._info(tensor, key)

    def _info(self, tensor: str, key: str) -> None:
        state = self._theirs.state
        if tensor and tensor not in self._ours.state.tensors:
            return
        info = state.tensors[tensor].info if tensor else state.info
        self.draft.do(SetInfo(tensor, {key: info[key]}) if key in info else SetInfo(tensor, {}, (key,)))

    def changes(self) -> None:
        """Rows of both that were replaced or deleted there."""
        for (tensor, branch), births in self._brought.changed.items():
            if tensor in self._ours.state.rows and tensor in self._theirs.state.rows:
                self._changes(tensor, branch, births)

    def _changes(self, tensor: str, branch: str, births: Runs) -> None:
        ours, theirs = self._ours.state.rows[tensor], self._theirs.state.rows[tensor]
        gone = []
        for birth in (row for run in births for row in range(*run)):
            here = ours.origins.rows(branch, ((birth, birth + 1),), self._ours.branch)
            there = theirs.origins.rows(branch, ((birth, birth + 1),), self._theirs.branch)
            if not here or not there or ours.dead.names(self._store, here[0][0]):
                continue
            if theirs.dead.names(self._store, there[0][0]):
                gone.append(here[0])
            elif not same_row(self._store, ours, here[0][0], theirs, there[0][0]):
                entries = row_entries(self._store, theirs, there[0][0])
                self.draft.do(Update(tensor, here[0][0], entries))
        if gone:
            self.draft.do(Delete(tensor, tuple(gone)))

    def rows(self) -> None:
        """Rows that this branch does not have."""
        beside = _Beside(self.draft, self._theirs)
        for tensor, rows in self._theirs.state.rows.items():
            if tensor in self.draft.state.rows:
                births = rows.origins.births(rows.live(self._store), self._theirs.branch)
                new = [run for branch, born in births.items() for run in self._unknown(tensor, branch, born)]
                if new:
                    self._append(tensor, rows, tuple(sorted(new)), beside)

    def _unknown(self, tensor: str, branch: str, births: Runs) -> Runs:
        """Physical rows, there, of rows born on `branch` that never came here."""
        held = self._ours.state.rows.get(tensor, Rows())
        known = held.origins.births(((0, held.physical_rows),), self._ours.branch).get(branch, ())
        rows = self._theirs.state.rows[tensor]
        return rows.origins.rows(branch, without(births, known), self._theirs.branch)

    def _append(self, tensor: str, rows: Rows, new: Runs, beside: _Beside) -> None:
        at = len(self.draft.state.rows[tensor])
        blocks = []
        for start, stop in new:
            for block_start, count, target in beside.targets(rows, start, stop):
                at = max(at, target)
                blocks.append((block_start, count, at))
                at += count
        first = blocks[0][2]
        entries = {name: self._entries(rows, name, blocks) for name in rows.columns}
        births = [
            (target - first + offset, count, branch, row)
            for start, size, target in blocks
            for offset, count, branch, row in rows.origins.spans(start, start + size, self._theirs.branch)
        ]
        self.draft.do(Append({tensor: Added(entries, at - first, first, tuple(births))}))

    def _entries(self, rows: Rows, column: str, blocks: list[tuple[int, int, int]]) -> Entries:
        """Entries of one column for blocks of (physical row there, rows, row here), gaps filled."""
        builder, pieces = ColumnBuilder(self._store), Pieces(self._store, rows.columns[column])
        at = blocks[0][2]
        for start, count, target in blocks:
            if target > at:
                builder.add(missing(target - at))
            for piece in pieces.run(start, start + count):
                piece.add_to(builder, self._store)
            at = target + count
        return builder.finish()


class _Beside:
    """Which row here a new row is to have: the one it lies beside there, if that is known here; else behind all.

    A tensor that a branch added has its samples beside rows that are older than itself. Where they go is told by the
    tensor that has the most rows that both branches know.
    """

    def __init__(self, draft: Draft, theirs: Commit) -> None:
        self._store = draft.store
        self._here = np.zeros(0, np.int64)  # by row there, the row here
        for tensor in theirs.state.rows.keys() & draft.state.rows.keys():
            known = self._known(draft, theirs, tensor)
            self._here = known if len(known) > len(self._here) else self._here
        self._behind = max((len(rows) for rows in draft.state.rows.values()), default=0)

    def targets(self, rows: Rows, start: int, stop: int) -> list[tuple[int, int, int]]:
        """Blocks of successive physical rows there: first row, count, and the row here that the first should have."""
        logical = rows.dead.logical(self._store, np.arange(start, stop, dtype=np.int64))
        known = logical[logical < len(self._here)]
        here = np.concatenate([self._here[known], self._behind + logical[len(known) :] - len(self._here)])
        cuts = np.flatnonzero(np.diff(here, prepend=-2) != 1)
        sizes = np.diff(np.append(cuts, len(here)))
        return [(start + int(cut), int(size), int(here[cut])) for cut, size in zip(cuts, sizes, strict=True)]

    def _known(self, draft: Draft, theirs: Commit, tensor: str) -> NDArray[np.int64]:
        """The row here of each row there of one tensor, up to the last that is known here."""
        mine, other = draft.state.rows[tensor], theirs.state.rows[tensor]
        branch_here = draft.base.branch
        here = mine.origins.births(mine.live(self._store), branch_here)
        there = other.origins.births(other.live(self._store), theirs.branch)
        table = np.full(len(other), -1, np.int64)
        for branch in here.keys() & there.keys():
            for run in common(here[branch], there[branch]):
                rows = other.dead.logical(self._store, other.origins.located(branch, run, theirs.branch))
                table[rows] = mine.dead.logical(self._store, mine.origins.located(branch, run, branch_here))
        known = np.flatnonzero(table >= 0)
        return np.maximum.accumulate(table[: known[-1] + 1]) if len(known) else table[:0]

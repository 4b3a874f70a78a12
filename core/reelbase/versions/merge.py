"""Merging: bringing another branch's changes into this one.

The footprints of the commits say what each side did since the two last met. Rows are matched by where they were born.
So rows need no ids of their own, and rows that no side touched are not compared.

In these modules "here" is the branch that is merged into (ours), and "there" is the merged commit (theirs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.format.draft import Draft
from reelbase.format.extract_rows import Pieces, is_same_row, read_row_entries
from reelbase.format.footprint import Footprint
from reelbase.format.ops import (
    AddedRows,
    Append,
    Create,
    Drop,
    ExtendSettings,
    Fill,
    FixDtype,
    Rename,
    Revive,
    SetInfo,
    SetTxn,
    Update,
)
from reelbase.format.origins import Runs, subtract
from reelbase.format.rows import ColumnBuilder, stack_rows
from reelbase.format.settings import extends
from reelbase.versions.merge_conflicts import Conflicts
from reelbase.versions.merge_deletions import Deletions
from reelbase.versions.merge_placement import Block, RowPlacer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.header import Header
    from reelbase.format.state import Rows, TensorSchema
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage


def merge(lineage: Lineage, store: Store, ours: Commit, theirs: Commit) -> Draft:
    """Return a draft on `ours` that does what `theirs` did since the two last met.

    Raises:
        CommitConflictError: both changed the same row or metadata key, or one side changed a tensor that the other
            dropped.
        HtypeError: both fixed the dtype of a tensor, and differently.
    """
    their_footprint = _unite_footprints(lineage.iter_between(ours.header, theirs.header))
    our_footprint = _unite_footprints(lineage.iter_between(theirs.header, ours.header))
    Conflicts(store, ours, our_footprint, theirs, their_footprint).check()
    merging = _Merge(store, ours, theirs, their_footprint)
    merging.merge_schemas(our_footprint)
    merging.merge_changes()
    merging.merge_new_rows()
    return merging.draft


def _unite_footprints(headers: Iterable[Header]) -> Footprint:
    """Return what commits touched, except merge commits.

    A merge commit only repeats what commits of the merged branch did. Those count themselves.
    """
    return Footprint.unite(header.touched for header in headers if header.merged is None)


class _Merge:
    """A merge whose conflicts have been checked.

    Args:
        store: The store of the dataset.
        ours: The newest commit of the branch that is merged into.
        theirs: The commit that is merged.
        their_footprint: What was touched there since the two last met.

    Attributes:
        draft: The operations of the merge, on top of `ours`.
    """

    def __init__(self, store: Store, ours: Commit, theirs: Commit, their_footprint: Footprint) -> None:
        self.draft = Draft(store, ours)
        self._store = store
        self._ours = ours
        self._theirs = theirs
        self._their_footprint = their_footprint

    def merge_schemas(self, our_footprint: Footprint) -> None:
        """Create, drop and rename tensors; fix dtypes and extend settings; set transaction numbers and metadata.

        Args:
            our_footprint: What was touched here since the two last met.
        """
        state, tensors_here = self._theirs.state, self._ours.state.tensors
        for tensor in self._their_footprint.schema & tensors_here.keys():
            if tensor not in state.tensors:
                self.draft.do(Drop(tensor))
            elif tensors_here[tensor].name != state.tensors[tensor].name:
                self.draft.do(Rename(tensor, state.tensors[tensor].name))
        for tensor, schema in state.tensors.items():
            # A tensor that was dropped here is not created again.
            if tensor not in tensors_here and tensor not in our_footprint.schema:
                self.draft.do(Create(schema))
            elif tensor in tensors_here:
                self._merge_schema(tensors_here[tensor], schema)
        for app, number in state.txns.items():
            if number > self._ours.state.txns.get(app, number - 1):
                self.draft.do(SetTxn(app, number))
        for tensor, _, key in sorted(name.partition("/") for name in self._their_footprint.info):
            self._merge_info(tensor, key)

    def _merge_schema(self, here: TensorSchema, there: TensorSchema) -> None:
        """Fix the dtype and extend the settings of a tensor that both sides have."""
        if here.dtype is None and there.dtype is not None:
            self.draft.do(FixDtype(here.id, there.dtype))
        if not extends(here.settings, there.settings):
            self.draft.do(ExtendSettings(here.id, there.settings))

    def _merge_info(self, tensor: str, key: str) -> None:
        state = self._theirs.state
        if tensor and (tensor not in self.draft.state.tensors or tensor not in state.tensors):
            return
        info = state.tensors[tensor].info if tensor else state.info
        self.draft.do(SetInfo(tensor, {key: info[key]}) if key in info else SetInfo(tensor, {}, (key,)))

    def merge_changes(self) -> None:
        """Replace, delete and bring back rows that both sides have."""
        revivals, deletions = [], Deletions(self.draft, self._theirs)
        for (tensor, branch), births in self._their_footprint.changed.items():
            if tensor in self.draft.state.rows and tensor in self._theirs.state.rows:
                for birth in (row for run in births for row in range(*run)):
                    change = self._find_change(tensor, branch, birth)
                    if isinstance(change, Update):
                        self.draft.do(change)
                    elif isinstance(change, Revive):
                        revivals.append(change)
                    elif change is not None:
                        deletions.add(tensor, change)
        # Last, because both change which logical rows there are, and deletions are found by logical rows.
        for op in (*deletions.make_deletes(), *revivals):
            self.draft.do(op)

    def _find_change(self, tensor: str, branch: str, birth: int) -> Update | Revive | int | None:
        """Return what is to be done to one row here.

        Args:
            tensor: Id of the tensor.
            branch: Branch on which the row was born.
            birth: The row there.

        Returns:
            The operation that replaces the row or brings it back, or its physical row if it is to be deleted. None if
            there is nothing to do.
        """
        ours, theirs = self.draft.state.rows[tensor], self._theirs.state.rows[tensor]
        here = ours.origins.rows(branch, ((birth, birth + 1),), self._ours.branch)
        there = theirs.origins.rows(branch, ((birth, birth + 1),), self._theirs.branch)
        if not here or not there:
            return None
        row, other = here[0][0], there[0][0]
        is_deleted_here = ours.dead.contains(self._store, row)
        if theirs.dead.contains(self._store, other):
            return None if is_deleted_here else row
        if is_deleted_here:
            return Revive(tensor, row, read_row_entries(self._store, theirs, other))
        if is_same_row(self._store, ours, row, theirs, other):
            return None  # both made the same change, or it was undone
        return Update(tensor, (row,), read_row_entries(self._store, theirs, other))

    def merge_new_rows(self) -> None:
        """Add the rows that this branch does not have."""
        placer = RowPlacer(self.draft, self._theirs)
        for tensor, rows in self._theirs.state.rows.items():
            if tensor in self.draft.state.rows:
                births = rows.origins.births(rows.live_runs(self._store), self._theirs.branch)
                new = [run for branch, born in births.items() for run in self._find_unknown_rows(tensor, branch, born)]
                if new:
                    placement = placer.place(tensor, tuple(sorted(new)))
                    self._fill(tensor, rows, placement.fills)
                    self._append(tensor, rows, placement.blocks)

    def _find_unknown_rows(self, tensor: str, branch: str, births: Runs) -> Runs:
        """Return the physical rows, there, of rows born on `branch` that this branch does not have."""
        held = self.draft.state.rows[tensor]
        known = held.origins.births(((0, held.physical_rows),), self._ours.branch).get(branch, ())
        rows = self._theirs.state.rows[tensor]
        return rows.origins.rows(branch, subtract(births, known), self._theirs.branch)

    def _fill(self, tensor: str, rows: Rows, fills: Sequence[tuple[int, int]]) -> None:
        """Put rows into rows here that have no sample.

        Args:
            tensor: Id of the tensor.
            rows: The rows of the tensor there.
            fills: Pairs of a physical row there and the physical row here that it fills.
        """
        if fills:
            entries = stack_rows([read_row_entries(self._store, rows, there) for there, _ in fills])
            births = tuple(rows.origins.spans(there, there + 1, self._theirs.branch)[0][2:] for there, _ in fills)
            self.draft.do(Fill(tensor, tuple(here for _, here in fills), entries, births))

    def _append(self, tensor: str, rows: Rows, blocks: Sequence[Block]) -> None:
        """Append blocks of rows. Gaps between them become rows without a sample."""
        if not blocks:
            return
        first, stop = blocks[0].target, blocks[-1].target + blocks[-1].count
        entries = {name: self._build_entries(rows, name, blocks) for name in rows.columns}
        births = [
            (block.target - first + offset, count, branch, row)
            for block in blocks
            for offset, count, branch, row in rows.origins.spans(
                block.start, block.start + block.count, self._theirs.branch
            )
        ]
        self.draft.do(Append({tensor: AddedRows(entries, stop - first, first, tuple(births))}))

    def _build_entries(self, rows: Rows, column: str, blocks: Sequence[Block]) -> Entries:
        """Return the entries of one column for blocks of rows, with gaps between them filled."""
        builder, pieces = ColumnBuilder(self._store), Pieces(self._store, rows.columns[column])
        at = blocks[0].target
        for block in blocks:
            builder.skip(block.target - at)
            for piece in pieces.iter_pieces(block.start, block.start + block.count):
                piece.add_to(builder, self._store)
            at = block.target + block.count
        return builder.finish()

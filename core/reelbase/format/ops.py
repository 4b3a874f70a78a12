"""The operations that a transaction consists of.

They are objects so that a writer that loses the race for a commit number can apply them again, on top of the winner's
commit (decision 1).
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reelbase.errors import CommitConflictError
from reelbase.format.column import Column
from reelbase.format.draft import Draft, Move
from reelbase.format.entry import cut_before, make_missing
from reelbase.format.footprint import Footprint
from reelbase.format.origins import union
from reelbase.format.settings import extends, narrows
from reelbase.format.state import State, TensorSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.format.entry import Entries
    from reelbase.format.origins import Runs


class Op(ABC):
    """One operation of a transaction."""

    @abstractmethod
    def apply(self, draft: Draft) -> None:
        """Apply the operation to the state of a draft, and record what it touches."""


@dataclass(frozen=True)
class Create(Op):
    """Create a tensor.

    Attributes:
        schema: The schema of the new tensor.
    """

    schema: TensorSchema

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_schema(self.schema)
        draft.touch(Footprint(created=frozenset([self.schema.name])))


@dataclass(frozen=True)
class Drop(Op):
    """Remove a tensor.

    Attributes:
        tensor: Id of the tensor.
    """

    tensor: str

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.without_tensor(self.tensor)
        draft.touch(Footprint(schema=frozenset([self.tensor])))


@dataclass(frozen=True)
class Rename(Op):
    """Give a tensor another name.

    Attributes:
        tensor: Id of the tensor.
        name: The new name.
    """

    tensor: str
    name: str

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_schema(replace(draft.state.tensors[self.tensor], name=self.name))
        draft.touch(Footprint(created=frozenset([self.name]), schema=frozenset([self.tensor])))


@dataclass(frozen=True)
class FixDtype(Op):
    """Fix the dtype of a tensor that was created without one. The first append does so.

    Attributes:
        tensor: Id of the tensor.
        dtype: Name of the numpy dtype.
    """

    tensor: str
    dtype: str

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_schema(replace(draft.state.tensors[self.tensor], dtype=self.dtype))
        draft.touch(Footprint(dtypes={self.tensor: self.dtype}))


@dataclass(frozen=True)
class ExtendSettings(Op):
    """Extend the settings of a tensor's htype: add class names.

    Attributes:
        tensor: Id of the tensor.
        settings: The new settings, which extend the old ones (`reelbase.format.settings`).
    """

    tensor: str
    settings: Mapping[str, Any]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        old = draft.state.tensors[self.tensor]
        draft.state = draft.state.with_schema(replace(old, settings=self.settings))
        draft.touch(Footprint(settings={self.tensor: narrows(self.settings, old.settings)}))


@dataclass(frozen=True)
class SetInfo(Op):
    """Write and remove metadata keys.

    Attributes:
        tensor: Id of the tensor, or "" for the metadata of the dataset.
        values: The keys to write, with their values.
        removed: The keys to remove.
    """

    tensor: str
    values: Mapping[str, Any]
    removed: tuple[str, ...] = ()

    def apply(self, draft: Draft) -> None:  # noqa: D102
        state = draft.state
        old = state.tensors[self.tensor].info if self.tensor else state.info
        info = {key: value for key, value in {**old, **self.values}.items() if key not in self.removed}
        if self.tensor:
            draft.state = state.with_schema(replace(state.tensors[self.tensor], info=info))
        else:
            draft.state = state.with_info(info)
        draft.touch(Footprint(info=frozenset(f"{self.tensor}/{key}" for key in (*self.values, *self.removed))))


@dataclass(frozen=True)
class SetTxn(Op):
    """Record the transaction number that an application gave to this write.

    Attributes:
        app: Name of the application.
        number: The number. A lower one than is recorded already is ignored.
    """

    app: str
    number: int

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_txn(self.app, max(self.number, draft.state.txns.get(self.app, self.number)))
        draft.touch(Footprint(txns={self.app: (self.number, self.number)}))


@dataclass(frozen=True)
class AddedRows:
    """Rows to append to one tensor.

    Attributes:
        entries: The entries of the rows, by column name.
        count: Number of rows.
        offset: How many logical rows after the first row of the whole append they start.
        births: The rows that were born on other branches, as runs: offset from the first of these rows, count, branch
            of birth, and the row there.
    """

    entries: Mapping[str, Entries]
    count: int
    offset: int = 0
    births: tuple[tuple[int, int, str, int], ...] = ()


@dataclass(frozen=True)
class Append(Op):
    """Append rows to one tensor or to several. Rows of several tensors stay next to each other.

    A tensor that is shorter than the others is first padded with rows without a sample.

    Attributes:
        rows: The rows to append, by tensor id.
    """

    rows: Mapping[str, AddedRows]
    # Filled by the first `apply`: later operations name the rows as they were then, also when all are applied again.
    _first_moves: dict[str, Move] = field(default_factory=dict)

    def apply(self, draft: Draft) -> None:  # noqa: D102
        state = draft.state
        # The first logical row at which no tensor has a sample yet.
        start = max(0, *(len(state.rows[tensor]) - added.offset for tensor, added in self.rows.items()))
        for tensor, added in self.rows.items():
            rows = state.rows[tensor]
            padding_start = rows.physical_rows
            padding = start + added.offset - len(rows)
            if padding:
                rows = rows.append({name: make_missing(padding) for name in added.entries}, padding)
            first = padding_start + padding
            self._record_move(draft, tensor, padding_start, first)
            rows = rows.append(added.entries, added.count)
            for offset, count, branch, row in added.births:
                rows = replace(rows, origins=rows.origins.adopt(first + offset, count, branch, row))
            state = state.with_rows(tensor, rows)
        draft.state = state
        draft.touch(Footprint(appended=frozenset(self.rows)))

    def _record_move(self, draft: Draft, tensor: str, padding_start: int, start: int) -> None:
        stop = start + self.rows[tensor].count
        move = self._first_moves.setdefault(tensor, Move(padding_start, start, stop, padding_start, start))
        draft.record_move(tensor, replace(move, new_padding_start=padding_start, new_start=start))

    def start_row(self, tensor: str) -> int:
        """Return the physical row that later operations of the draft must use for a tensor's first new row."""
        return self._first_moves[tensor].start


@dataclass(frozen=True)
class Update(Op):
    """Replace the samples of physical rows.

    Attributes:
        tensor: Id of the tensor.
        rows: The physical rows.
        entries: One entry for each of the rows, by column name.
    """

    tensor: str
    rows: tuple[int, ...]
    entries: Mapping[str, Entries]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        rows = [draft.translate_row(self.tensor, row) for row in self.rows]
        draft.state = draft.state.with_rows(self.tensor, draft.state.rows[self.tensor].update(rows, self.entries))
        draft.touch_rows(self.tensor, union((row, row + 1) for row in rows))


@dataclass(frozen=True)
class Delete(Op):
    """Delete physical rows, none of which is deleted already.

    Attributes:
        tensor: Id of the tensor.
        runs: The physical rows.
    """

    tensor: str
    runs: Runs

    def apply(self, draft: Draft) -> None:  # noqa: D102
        runs = tuple(self._translate_runs(draft))
        draft.state = draft.state.with_rows(self.tensor, draft.state.rows[self.tensor].delete(runs))
        draft.touch_rows(self.tensor, runs)

    def _translate_runs(self, draft: Draft) -> list[tuple[int, int]]:
        """Return the runs where they are now.

        A run that contains rows appended by the draft itself is cut at their borders, since the parts may have moved
        apart.
        """
        cuts = draft.move_boundaries(self.tensor)
        pieces = []
        for start, stop in self.runs:
            inside = [start, *(cut for cut in cuts if start < cut < stop), stop]
            pieces += [(draft.translate_row(self.tensor, a), b - a) for a, b in itertools.pairwise(inside)]
        return [(at, at + count) for at, count in pieces]


@dataclass(frozen=True)
class ExpectLengths(Op):
    """Check that tensors still have as many physical rows as when rows beyond their end were deleted in other tensors.

    If another writer appended to such a tensor meanwhile, the deletion would remove only a part of those rows.

    Attributes:
        lengths: Number of physical rows, by tensor id.
    """

    lengths: Mapping[str, int]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        for tensor, length in self.lengths.items():
            if tensor in draft.state.rows and draft.state.rows[tensor].physical_rows != length:
                raise CommitConflictError(
                    f"Another writer appended to {draft.state.tensors[tensor].name!r}, which did not reach the rows "
                    "that you delete.",
                    "Refresh the dataset (ds.refresh()), look at the rows, and try again.",
                )


@dataclass(frozen=True)
class ExpectRows(Op):
    """Check that tensors have as many rows as when a write was checked against the samples of one of them.

    Attributes:
        lengths: Number of physical rows, by tensor id.
        tensor: Id of the tensor whose samples were looked at.
        rows: The physical rows that were looked at. It is a conflict if another writer replaces them.
    """

    lengths: Mapping[str, int]
    tensor: str
    rows: tuple[int, ...]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        for tensor, length in self.lengths.items():
            if tensor not in draft.state.rows or draft.state.rows[tensor].physical_rows != length:
                raise CommitConflictError(
                    "Another writer changed a tensor that is paired with the one that you write to.",
                    "Refresh the dataset (ds.refresh()), look at the rows, and try again. ds.append writes rows of "
                    "both together.",
                )
        rows = [draft.translate_row(self.tensor, row) for row in self.rows]
        draft.touch_rows(self.tensor, union((row, row + 1) for row in rows))


@dataclass(frozen=True)
class Fill(Op):
    """Put samples into rows that have none. The samples were born, as rows, on another branch.

    Attributes:
        tensor: Id of the tensor.
        rows: The physical rows without a sample.
        entries: One entry for each of the rows, by column name.
        births: For each of the rows, the branch of birth and the row there.
    """

    tensor: str
    rows: tuple[int, ...]
    entries: Mapping[str, Entries]
    births: tuple[tuple[str, int], ...]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.touch_rows(self.tensor, union((row, row + 1) for row in self.rows))
        rows = draft.state.rows[self.tensor].update(self.rows, self.entries)
        origins = rows.origins
        for row, birth in zip(self.rows, self.births, strict=True):
            origins = origins.adopt(row, 1, *birth)
        draft.state = draft.state.with_rows(self.tensor, replace(rows, origins=origins))


@dataclass(frozen=True)
class Repack(Op):
    """Replace the columns of a tensor by compacted ones with the same content.

    Attributes:
        tensor: Id of the tensor.
        columns: The new columns, of the first `count` physical rows.
        count: Number of physical rows when the tensor was compacted.
        swept: Number of deleted rows that compaction left without samples.
    """

    tensor: str
    columns: Mapping[str, Column]
    count: int
    swept: int

    def apply(self, draft: Draft) -> None:  # noqa: D102
        rows = draft.state.rows[self.tensor]
        columns = {name: self._rebase_column(draft, name, column) for name, column in rows.columns.items()}
        # Rows that were deleted since the compaction are not counted: they still have samples.
        dead = replace(rows.dead, swept=self.swept)
        draft.state = draft.state.with_rows(self.tensor, replace(rows, columns=columns, dead=dead))
        draft.touch(Footprint(packed=frozenset([self.tensor])))

    def _rebase_column(self, draft: Draft, name: str, old: Column) -> Column:
        """Return the new column, with what was appended to the old one since it was compacted."""
        # An append may have created the column since then. The compacted rows have no samples in it.
        new = self.columns.get(name) or Column().append(make_missing(self.count))
        if old.rows == self.count:
            return new
        # Rows that existed at compaction cannot have changed: that would have been a conflict.
        patch = old.read_replaced(draft.store)
        return new.append(cut_before(old.read_all(draft.store), self.count)).update(patch[patch["first"] >= self.count])


@dataclass(frozen=True)
class Revive(Op):
    """Bring back one deleted physical row, with another sample.

    Attributes:
        tensor: Id of the tensor.
        row: The physical row.
        entries: One entry for the row, by column name.
    """

    tensor: str
    row: int
    entries: Mapping[str, Entries]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        rows = draft.state.rows[self.tensor].revive(draft.store, self.row, self.entries)
        draft.state = draft.state.with_rows(self.tensor, rows)
        draft.touch_rows(self.tensor, ((self.row, self.row + 1),))


@dataclass(frozen=True)
class Clear(Op):
    """Remove everything: tensors, metadata, and the transaction numbers of applications."""

    def apply(self, draft: Draft) -> None:  # noqa: D102
        state = draft.state
        keys = {f"/{key}" for key in state.info}
        draft.touch(Footprint(schema=frozenset(state.tensors), info=frozenset(keys)))
        for tensor in state.tensors:
            state = state.without_tensor(tensor)
        # Ghosts stay, because row numbers of dropped tensors must not be given out again.
        draft.state = State(ghosts=state.ghosts)


@dataclass(frozen=True)
class Revert(Op):
    """Go back to the state of an earlier commit.

    Rows that were appended since then stay, as deleted rows, because row numbers must not be used twice (decision 18).

    Attributes:
        old: The state to go back to.
        touched: What was touched since then, up to the base of the draft.
    """

    old: State
    touched: Footprint

    def apply(self, draft: Draft) -> None:  # noqa: D102
        now, old = draft.state, self.old
        every_ghost = {**now.ghosts, **{tensor: rows.ghost for tensor, rows in now.rows.items()}}
        rows = {tensor: old_rows.extend_to(every_ghost[tensor]) for tensor, old_rows in old.rows.items()}
        ghosts = {tensor: ghost for tensor, ghost in every_ghost.items() if tensor not in old.tensors}
        tensors = {tensor: _keep_growth(schema, now.tensors.get(tensor)) for tensor, schema in old.tensors.items()}
        draft.state = State(tensors, rows, old.info, ghosts, old.txns)
        draft.touch(self.touched)
        draft.touch(_schema_changes(now, old))
        for tensor, reverted in rows.items():
            # Going back changes the rows that were appended since, or all rows of a tensor that was dropped since.
            first = old.rows[tensor].physical_rows if tensor in now.rows else 0
            births = reverted.origins.births(((first, reverted.physical_rows),), draft.base.branch)
            draft.touch(Footprint(changed={(tensor, branch): born for branch, born in births.items()}))


def _keep_growth(old: TensorSchema, now: TensorSchema | None) -> TensorSchema:
    """Return the old schema, but with a dtype that was fixed and settings that were extended since then.

    Another writer may be about to commit samples of that dtype, or with those class names (decision 18). First class
    names are taken back: old ids may have none. Writing samples meanwhile conflicts with that.
    """
    if now is None:
        return old
    has_grown = extends(now.settings, old.settings) and not narrows(now.settings, old.settings)
    return replace(old, dtype=old.dtype or now.dtype, settings=now.settings if has_grown else old.settings)


def _schema_changes(before: State, after: State) -> Footprint:
    """Return a footprint of the tensors that were created, dropped or renamed between two states."""
    gone = before.tensors.keys() - after.tensors.keys()
    named = {
        tensor
        for tensor, schema in after.tensors.items()
        if getattr(before.tensors.get(tensor), "name", "") != schema.name
    }
    created = frozenset(after.tensors[tensor].name for tensor in named)
    return Footprint(created=created, schema=frozenset(gone | (named & before.tensors.keys())))

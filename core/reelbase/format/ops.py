"""What a transaction does to a state: operations that can be applied again on top of another writer's commit."""

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
from reelbase.format.state import State, TensorSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.format.entry import Entries
    from reelbase.format.origins import Runs


class Op(ABC):
    """One operation of a transaction."""

    @abstractmethod
    def apply(self, draft: Draft) -> None:
        """Do it to the draft's state, and say what it touches."""


@dataclass(frozen=True)
class Create(Op):
    """A new tensor."""

    schema: TensorSchema

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_schema(self.schema)
        draft.touch(Footprint(created=frozenset([self.schema.name])))


@dataclass(frozen=True)
class Drop(Op):
    """A tensor removed."""

    tensor: str

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.without_tensor(self.tensor)
        draft.touch(Footprint(schema=frozenset([self.tensor])))


@dataclass(frozen=True)
class Rename(Op):
    """A tensor renamed."""

    tensor: str
    name: str

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_schema(replace(draft.state.tensors[self.tensor], name=self.name))
        draft.touch(Footprint(created=frozenset([self.name]), schema=frozenset([self.tensor])))


@dataclass(frozen=True)
class FixDtype(Op):
    """The dtype of a tensor, fixed by its first append."""

    tensor: str
    dtype: str

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_schema(replace(draft.state.tensors[self.tensor], dtype=self.dtype))
        draft.touch(Footprint(dtypes={self.tensor: self.dtype}))


@dataclass(frozen=True)
class SetInfo(Op):
    """Metadata keys written (or, with `removed`, taken away) of a tensor, or of the dataset (tensor "")."""

    tensor: str
    values: Mapping[str, Any]
    removed: tuple[str, ...] = ()

    def apply(self, draft: Draft) -> None:  # noqa: D102
        state = draft.state
        held = state.tensors[self.tensor].info if self.tensor else state.info
        info = {k: v for k, v in {**held, **self.values}.items() if k not in self.removed}
        if self.tensor:
            draft.state = state.with_schema(replace(state.tensors[self.tensor], info=info))
        else:
            draft.state = state.with_info(info)
        draft.touch(Footprint(info=frozenset(f"{self.tensor}/{key}" for key in (*self.values, *self.removed))))


@dataclass(frozen=True)
class SetTxn(Op):
    """The number that an application gave this write."""

    app: str
    number: int

    def apply(self, draft: Draft) -> None:  # noqa: D102
        draft.state = draft.state.with_txn(self.app, max(self.number, draft.state.txns.get(self.app, self.number)))
        draft.touch(Footprint(txns={self.app: (self.number, self.number)}))


@dataclass(frozen=True)
class AddedRows:
    """Rows for one tensor.

    Attributes:
        entries: By column.
        count: How many.
        offset: Logical rows that they are after the first row of the whole append.
        births: Which of them were born on other branches: offset from the first row, count, branch and row there.
    """

    entries: Mapping[str, Entries]
    count: int
    offset: int = 0
    births: tuple[tuple[int, int, str, int], ...] = ()


@dataclass(frozen=True)
class Append(Op):
    """Rows for one tensor, or for several at once: then they keep their places beside each other."""

    rows: Mapping[str, AddedRows]
    _first_moves: dict[str, Move] = field(default_factory=dict)  # by the first `apply`: what later operations name

    def apply(self, draft: Draft) -> None:  # noqa: D102
        state = draft.state
        start = max(0, *(len(state.rows[tensor]) - one.offset for tensor, one in self.rows.items()))
        for tensor, one in self.rows.items():
            rows = state.rows[tensor]
            padded = rows.physical_rows
            short = start + one.offset - len(rows)
            if short:
                rows = rows.append({name: make_missing(short) for name in one.entries}, short)
            self._record_move(draft, tensor, padded, padded + short)
            rows = rows.append(one.entries, one.count)
            for offset, count, branch, row in one.births:
                rows = replace(rows, origins=rows.origins.adopt(padded + short + offset, count, branch, row))
            state = state.with_rows(tensor, rows)
        draft.state = state
        draft.touch(Footprint(appended=frozenset(self.rows)))

    def _record_move(self, draft: Draft, tensor: str, padded: int, now: int) -> None:
        first = self._first_moves.setdefault(tensor, Move(padded, now, now + self.rows[tensor].count, padded, now))
        draft.record_move(tensor, replace(first, new_padding_start=padded, new_start=now))

    def start_row(self, tensor: str) -> int:
        """The first physical row of a tensor's rows, as operations after this one are to name it."""
        return self._first_moves[tensor].start


@dataclass(frozen=True)
class Update(Op):
    """Physical rows replaced, by one entry of each column a row."""

    tensor: str
    rows: tuple[int, ...]
    entries: Mapping[str, Entries]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        rows = [draft.translate_row(self.tensor, row) for row in self.rows]
        draft.state = draft.state.with_rows(self.tensor, draft.state.rows[self.tensor].update(rows, self.entries))
        draft.touch_rows(self.tensor, union((row, row + 1) for row in rows))


@dataclass(frozen=True)
class Delete(Op):
    """Physical rows removed, which live."""

    tensor: str
    runs: Runs

    def apply(self, draft: Draft) -> None:  # noqa: D102
        runs = tuple(self._translate_runs(draft))
        draft.state = draft.state.with_rows(self.tensor, draft.state.rows[self.tensor].delete(runs))
        draft.touch_rows(self.tensor, runs)

    def _translate_runs(self, draft: Draft) -> list[tuple[int, int]]:
        """The runs where they are now; one that was partly appended by the draft is cut there."""
        cuts = draft.move_boundaries(self.tensor)
        pieces = []
        for start, stop in self.runs:
            inside = [start, *(cut for cut in cuts if start < cut < stop), stop]
            pieces += [(draft.translate_row(self.tensor, a), b - a) for a, b in itertools.pairwise(inside)]
        return [(at, at + count) for at, count in pieces]


@dataclass(frozen=True)
class ExpectLengths(Op):
    """Nothing done to tensors that end before rows that are deleted: it must stay so, or whole rows would be torn."""

    lengths: Mapping[str, int]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        for tensor, length in self.lengths.items():
            if tensor in draft.state.rows and draft.state.rows[tensor].physical_rows != length:
                raise CommitConflictError(
                    f"Another writer appended to {draft.state.tensors[tensor].name!r}, which ended before the rows "
                    "that you delete.",
                    "Refresh the dataset (ds.refresh()), look at the rows, and try again.",
                )


@dataclass(frozen=True)
class Fill(Op):
    """Rows that hold nothing get samples that were born, as rows, on another branch."""

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
    """Rows rewritten, their content unchanged.

    Attributes:
        tensor: Id of the tensor.
        columns: The new columns, of the first `count` physical rows.
        count: How many rows there were.
        swept: How many of them were deleted, and have no sample any more.
    """

    tensor: str
    columns: Mapping[str, Column]
    count: int
    swept: int

    def apply(self, draft: Draft) -> None:  # noqa: D102
        rows = draft.state.rows[self.tensor]
        columns = {name: self._rebase_column(draft, name, one) for name, one in rows.columns.items()}
        dead = replace(rows.dead, swept=self.swept)
        draft.state = draft.state.with_rows(self.tensor, replace(rows, columns=columns, dead=dead))
        draft.touch(Footprint(packed=frozenset([self.tensor])))

    def _rebase_column(self, draft: Draft, name: str, old: Column) -> Column:
        new = self.columns.get(name) or Column().append(make_missing(self.count))  # a column that came meanwhile
        if old.rows == self.count:
            return new
        patch = old.read_replaced(draft.store)
        return new.append(cut_before(old.read_all(draft.store), self.count)).update(patch[patch["first"] >= self.count])


@dataclass(frozen=True)
class Revive(Op):
    """One deleted physical row, alive again and replaced."""

    tensor: str
    row: int
    entries: Mapping[str, Entries]

    def apply(self, draft: Draft) -> None:  # noqa: D102
        rows = draft.state.rows[self.tensor].revive(draft.store, self.row, self.entries)
        draft.state = draft.state.with_rows(self.tensor, rows)
        draft.touch_rows(self.tensor, ((self.row, self.row + 1),))


@dataclass(frozen=True)
class Clear(Op):
    """Everything gone: tensors, metadata, numbers of applications."""

    def apply(self, draft: Draft) -> None:  # noqa: D102
        state = draft.state
        keys = {f"/{key}" for key in state.info}
        draft.touch(Footprint(schema=frozenset(state.tensors), info=frozenset(keys)))
        for tensor in state.tensors:
            state = state.without_tensor(tensor)
        draft.state = State(ghosts=state.ghosts)


@dataclass(frozen=True)
class Revert(Op):
    """The state of an earlier commit, whatever was done since.

    Attributes:
        old: The state to go back to.
        touched: What was done since, up to the draft's base.
    """

    old: State
    touched: Footprint

    def apply(self, draft: Draft) -> None:  # noqa: D102
        now, old = draft.state, self.old
        had = {**now.ghosts, **{tensor: rows.ghost for tensor, rows in now.rows.items()}}
        rows = {tensor: one.extend_to(had[tensor]) for tensor, one in old.rows.items()}
        ghosts = {tensor: one for tensor, one in had.items() if tensor not in old.tensors}
        tensors = {tensor: _keep_dtype(one, now.tensors.get(tensor)) for tensor, one in old.tensors.items()}
        draft.state = State(tensors, rows, old.info, ghosts, old.txns)
        draft.touch(self.touched)
        draft.touch(_schema_changes(now, old))
        for tensor, one in rows.items():
            first = old.rows[tensor].physical_rows if tensor in now.rows else 0
            births = one.origins.births(((first, one.physical_rows),), draft.base.branch)
            draft.touch(Footprint(changed={(tensor, branch): born for branch, born in births.items()}))


def _keep_dtype(old: TensorSchema, now: TensorSchema | None) -> TensorSchema:
    """The schema as it was, but for a dtype that was fixed since: other writers may hold rows of it."""
    return old if now is None or old.dtype is not None else replace(old, dtype=now.dtype)


def _schema_changes(before: State, after: State) -> Footprint:
    """Tensors that came, went or got another name."""
    gone = before.tensors.keys() - after.tensors.keys()
    named = {
        tensor for tensor, one in after.tensors.items() if getattr(before.tensors.get(tensor), "name", "") != one.name
    }
    created = frozenset(after.tensors[tensor].name for tensor in named)
    return Footprint(created=created, schema=frozenset(gone | (named & before.tensors.keys())))

"""What a transaction does to a state: operations that can be applied again on top of another writer's commit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reelbase.errors import CommitConflictError, HtypeError
from reelbase.format.entry import missing
from reelbase.format.state import State, TensorSchema, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reelbase.format.entry import Entries
    from reelbase.format.state import Runs

_MAX_RUNS = 1000
_RETRY = "Refresh the dataset (ds.refresh()), look at the row or tensor, and try again."


@dataclass(frozen=True)
class Footprint:
    """Which things a commit touched; two commits conflict when their footprints do.

    Attributes:
        created: Names of tensors created, or given by a rename.
        schema: Ids of tensors dropped or renamed.
        dtypes: Dtype fixed by a first append, by tensor id.
        appended: Ids of tensors that got rows.
        changed: Physical rows replaced or deleted, by tensor id.
        info: Metadata keys written, as "tensor id/key" ("/key" for the dataset's own).
    """

    created: frozenset[str] = frozenset()
    schema: frozenset[str] = frozenset()
    dtypes: Mapping[str, str] = field(default_factory=dict)
    appended: frozenset[str] = frozenset()
    changed: Mapping[str, Runs] = field(default_factory=dict)
    info: frozenset[str] = frozenset()

    @property
    def tensors(self) -> set[str]:
        """Ids of all tensors touched."""
        return {*self.schema, *self.dtypes, *self.appended, *self.changed, *(k.split("/")[0] for k in self.info)} - {""}

    def as_json(self) -> dict[str, Any]:
        """The form a commit carries."""
        return {
            "created": sorted(self.created),
            "schema": sorted(self.schema),
            "dtypes": dict(self.dtypes),
            "appended": sorted(self.appended),
            "changed": {k: [list(run) for run in v] for k, v in self.changed.items()},
            "info": sorted(self.info),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Footprint:
        """The inverse of `as_json`."""
        return cls(
            frozenset(stored["created"]),
            frozenset(stored["schema"]),
            stored["dtypes"],
            frozenset(stored["appended"]),
            {k: tuple((a, b) for a, b in v) for k, v in stored["changed"].items()},
            frozenset(stored["info"]),
        )

    def check(self, theirs: Footprint, names: Mapping[str, str]) -> None:
        """See that this can be applied after `theirs`.

        Args:
            theirs: What a commit changed since.
            names: Tensor names by id, for messages.

        Raises:
            CommitConflictError: both changed the same thing.
            HtypeError: both fixed a tensor's dtype, differently.
        """
        for what, mine, other in (
            ("created a tensor named", self.created, theirs.created),
            ("dropped or renamed the tensor", self.tensors, theirs.schema),
            ("wrote to the tensor you drop or rename:", self.schema, theirs.tensors),
            ("wrote the metadata key", self.info, theirs.info),
        ):
            both = sorted(mine & other)
            if both:
                tensor, slash, key = both[0].partition("/")
                named = names.get(tensor, tensor) + slash + key
                raise CommitConflictError(f"Another writer {what} {named!r} meanwhile.", _RETRY)
        for tensor, runs in self.changed.items():
            rows = sorted(_common(runs, theirs.changed.get(tensor, ())))
            if rows:
                named = names.get(tensor, tensor)
                raise CommitConflictError(f"Another writer changed row {rows[0]} of {named!r} meanwhile.", _RETRY)
        for tensor, dtype in self.dtypes.items():
            if theirs.dtypes.get(tensor, dtype) != dtype:
                named = names.get(tensor, tensor)
                raise HtypeError(
                    f"Another writer's first append made {named!r} {theirs.dtypes[tensor]}; yours is {dtype}.",
                    "Convert the samples, or name the dtype in create_tensor.",
                )


def _common(mine: Runs, theirs: Runs) -> list[int]:
    return [max(a, c) for a, b in mine for c, d in theirs if max(a, c) < min(b, d)]


class Op(ABC):
    """One operation of a transaction."""

    @abstractmethod
    def apply(self, state: State) -> State:
        """The state after it."""

    @abstractmethod
    def footprint(self) -> Footprint:
        """What it touches."""


@dataclass(frozen=True)
class Create(Op):
    """A new tensor."""

    schema: TensorSchema

    def apply(self, state: State) -> State:  # noqa: D102
        return state.with_schema(self.schema)

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(created=frozenset([self.schema.name]))


@dataclass(frozen=True)
class Drop(Op):
    """A tensor removed."""

    tensor: str

    def apply(self, state: State) -> State:  # noqa: D102
        return state.without(self.tensor)

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(schema=frozenset([self.tensor]))


@dataclass(frozen=True)
class Rename(Op):
    """A tensor renamed."""

    tensor: str
    name: str

    def apply(self, state: State) -> State:  # noqa: D102
        return state.with_schema(replace(state.tensors[self.tensor], name=self.name))

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(created=frozenset([self.name]), schema=frozenset([self.tensor]))


@dataclass(frozen=True)
class FixDtype(Op):
    """The dtype of a tensor, fixed by its first append."""

    tensor: str
    dtype: str

    def apply(self, state: State) -> State:  # noqa: D102
        return state.with_schema(replace(state.tensors[self.tensor], dtype=self.dtype))

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(dtypes={self.tensor: self.dtype})


@dataclass(frozen=True)
class SetInfo(Op):
    """Metadata keys written (or, with `removed`, taken away) of a tensor, or of the dataset (tensor "")."""

    tensor: str
    values: Mapping[str, Any]
    removed: tuple[str, ...] = ()

    def apply(self, state: State) -> State:  # noqa: D102
        held = state.tensors[self.tensor].info if self.tensor else state.info
        info = {k: v for k, v in {**held, **self.values}.items() if k not in self.removed}
        if self.tensor:
            return state.with_schema(replace(state.tensors[self.tensor], info=info))
        return state.with_info(info)

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(info=frozenset(f"{self.tensor}/{key}" for key in (*self.values, *self.removed)))


@dataclass(frozen=True)
class Append(Op):
    """Rows for one tensor, or for several at once: then all of them start at the same row.

    Attributes:
        entries: By tensor id and column name.
        count: Rows that each tensor gets.
    """

    entries: Mapping[str, Mapping[str, Entries]]
    count: int

    def apply(self, state: State) -> State:  # noqa: D102
        start = max(len(state.rows[tensor]) for tensor in self.entries)
        for tensor, columns in self.entries.items():
            rows = state.rows[tensor]
            short = start - len(rows)
            if short:
                rows = rows.append({name: missing(short) for name in columns}, short)
            state = state.with_rows(tensor, rows.append(columns, self.count))
        return state

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(appended=frozenset(self.entries))


@dataclass(frozen=True)
class Update(Op):
    """One physical row replaced."""

    tensor: str
    row: int
    entries: Mapping[str, Entries]

    def apply(self, state: State) -> State:  # noqa: D102
        return state.with_rows(self.tensor, state.rows[self.tensor].update(self.row, self.entries))

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(changed={self.tensor: ((self.row, self.row + 1),)})


@dataclass(frozen=True)
class Delete(Op):
    """Physical rows removed."""

    tensor: str
    runs: Runs

    def apply(self, state: State) -> State:  # noqa: D102
        return state.with_rows(self.tensor, state.rows[self.tensor].delete(self.runs))

    def footprint(self) -> Footprint:  # noqa: D102
        return Footprint(changed={self.tensor: self.runs})


def _coarse(runs: Runs) -> Runs:
    """The same rows; very many runs as one, so that a commit stays small at the price of needless conflicts."""
    return runs if len(runs) <= _MAX_RUNS else ((runs[0][0], runs[-1][1]),)


def apply_all(ops: Iterable[Op], state: State) -> State:
    """The state after several operations."""
    for op in ops:
        state = op.apply(state)
    return state


def footprint(ops: Iterable[Op]) -> Footprint:
    """What several operations touch together."""
    touched = [op.footprint() for op in ops]
    changed: dict[str, list[tuple[int, int]]] = {}
    for one in touched:
        for tensor, runs in one.changed.items():
            changed.setdefault(tensor, []).extend(runs)
    return Footprint(
        frozenset().union(*(one.created for one in touched)),
        frozenset().union(*(one.schema for one in touched)),
        {tensor: dtype for one in touched for tensor, dtype in one.dtypes.items()},
        frozenset().union(*(one.appended for one in touched)),
        {tensor: _coarse(union(runs)) for tensor, runs in changed.items()},
        frozenset().union(*(one.info for one in touched)),
    )

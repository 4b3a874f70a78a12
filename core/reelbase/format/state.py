"""The state of a dataset at one commit: which tensors there are and where their rows lie. Immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import UsageError
from reelbase.format.column import Column
from reelbase.format.entry import make_missing
from reelbase.format.origins import Origins, subtract
from reelbase.format.tombstones import Tombstones

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reelbase.format.entry import Entries
    from reelbase.format.origins import Runs
    from reelbase.format.store import Store

#: Keys of a dataset's metadata that begin so are the library's own.
RESERVED = "reelbase."
_MAX_ROWS_PER_TENSOR = 1 << 32  # an index entry names rows by 32 bits


@dataclass(frozen=True, eq=False)
class Rows:
    """Where the rows of one tensor lie.

    Physical rows are numbered as they were appended, and never again; a logical row is the rank among those that live.

    Attributes:
        columns: By name: ``data`` and hidden ones; all have the same physical rows.
        dead: Physical rows that are gone.
        origins: Where rows that were not born on this branch came from.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    dead: Tombstones = field(default_factory=Tombstones)
    origins: Origins = field(default_factory=Origins)

    @cached_property
    def physical_rows(self) -> int:
        """Rows ever appended."""
        return max((column.rows for column in self.columns.values()), default=0)

    @property
    def inline_entries(self) -> int:
        """Entries that a commit has to carry for them."""
        return sum(len(column.tail) + len(column.patch) for column in self.columns.values()) + len(self.dead.tail)

    def __len__(self) -> int:
        return self.physical_rows - self.dead.count

    def to_physical(self, store: Store, row: int) -> int:
        """The physical row of a (valid) logical one."""
        return int(self.dead.to_physical(store, np.array([row]))[0]) if self.dead.count else row

    def to_logical(self, store: Store, row: int) -> int:
        """The logical row of a physical one that is not deleted."""
        return int(self.dead.to_logical(store, np.array([row]))[0])

    def to_runs(self, store: Store, rows: Iterable[int]) -> Runs:
        """The physical runs of (valid) logical rows, in any order."""
        physical = self.dead.to_physical(store, np.unique(np.fromiter(rows, np.int64)))
        starts = np.flatnonzero(np.diff(physical, prepend=-2) != 1)
        stops = np.append(starts[1:], len(physical)) - 1
        return tuple(zip(physical[starts].tolist(), (physical[stops] + 1).tolist(), strict=True))

    def live_runs(self, store: Store) -> Runs:
        """The physical rows that are not deleted."""
        return subtract(((0, self.physical_rows),), self.dead.runs(store))

    def append(self, entries: Mapping[str, Entries], count: int) -> Rows:
        """With `count` further rows; a column that is not named gets rows without a sample.

        Raises:
            UsageError: the tensor is full.
        """
        if self.physical_rows + count >= _MAX_ROWS_PER_TENSOR:
            raise UsageError(
                f"A tensor takes {_MAX_ROWS_PER_TENSOR} rows, deleted ones too.", "Copy the dataset, or use another."
            )
        columns = dict(self.columns)
        for name in {*columns, *entries}:
            column = columns.get(name) or Column().append(make_missing(self.physical_rows))
            columns[name] = column.append(entries[name] if name in entries else make_missing(count))
        return replace(self, columns=columns)

    def update(self, rows: Sequence[int], entries: Mapping[str, Entries]) -> Rows:
        """With physical rows replaced, by one entry each; a column that is not named loses its samples there."""
        columns = dict(self.columns)
        for name in {*columns, *entries}:
            column = columns.get(name) or Column().append(make_missing(self.physical_rows))
            patch = entries[name].copy() if name in entries else np.repeat(make_missing(1), len(rows))
            patch["first"] = rows
            columns[name] = column.update(patch)
        return replace(self, columns=columns)

    def delete(self, runs: Runs) -> Rows:
        """Without some physical rows, which live."""
        return replace(self, dead=self.dead.with_runs(runs))

    def revive(self, store: Store, row: int, entries: Mapping[str, Entries]) -> Rows:
        """With one deleted physical row alive again, and replaced."""
        return replace(self, dead=self.dead.without_runs(store, ((row, row + 1),))).update((row,), entries)

    def extend_to(self, ghost: Ghost) -> Rows:
        """These rows as the first of as many as the tensor has had; all after them are deleted."""
        start, stop = self.physical_rows, ghost.physical_rows
        if start == stop:
            return replace(self, origins=ghost.origins)
        columns = {name: one.append(make_missing(stop - start)) for name, one in self.columns.items()}
        blank = columns or {"data": Column().append(make_missing(stop))}
        return Rows(blank, self.dead.with_runs(((start, stop),)), ghost.origins)

    @property
    def ghost(self) -> Ghost:
        """What has to be remembered of them when the tensor is dropped."""
        return Ghost(self.physical_rows, self.origins)


@dataclass(frozen=True)
class Ghost:
    """What is remembered of a dropped tensor, which a revert or a merge may bring back: row numbers are given out once.

    Attributes:
        physical_rows: Rows ever appended to it.
        origins: Where they came from.
    """

    physical_rows: int
    origins: Origins


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorSchema:
    """What a tensor is.

    Attributes:
        id: Stays through renames.
        name: Unique; "/" groups.
        htype: As the user wrote it, such as "sequence[bbox]".
        dtype: numpy dtype name, or None until the first append fixes it.
        codec: The codec every sample is stored with, or None: any (media), raw (arrays).
        settings: Keyword arguments of the htype.
        info: The user's own metadata.
    """

    id: str
    name: str
    htype: str = "generic"
    dtype: str | None = None
    codec: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form a commit carries."""
        return {**self.__dict__, "settings": dict(self.settings), "info": dict(self.info)}


@dataclass(frozen=True, eq=False)
class State:
    """A dataset at one commit.

    Attributes:
        tensors: Schemas by id, in order of creation.
        rows: By tensor id.
        info: The user's own metadata of the dataset; and ours, see `RESERVED`.
        ghosts: Dropped tensors, by id.
        txns: The highest number that each application has written, see `Footprint`.
        schema_ref: Where schemas and info are stored, if they were too large for a commit and have not changed since.
    """

    tensors: Mapping[str, TensorSchema] = field(default_factory=dict)
    rows: Mapping[str, Rows] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    ghosts: Mapping[str, Ghost] = field(default_factory=dict)
    txns: Mapping[str, int] = field(default_factory=dict)
    schema_ref: tuple[str, int, int] | None = None

    @cached_property
    def names(self) -> dict[str, str]:
        """Tensor name to id."""
        return {tensor.name: tensor.id for tensor in self.tensors.values()}

    def with_schema(self, schema: TensorSchema) -> State:
        """With a tensor added or its schema replaced. One that was dropped comes back without its samples."""
        tensors = {**self.tensors, schema.id: schema}
        if schema.id in self.rows:
            return replace(self, tensors=tensors, schema_ref=None)
        ghost = self.ghosts.get(schema.id)
        ghosts = {tensor: one for tensor, one in self.ghosts.items() if tensor != schema.id}
        rows = {**self.rows, schema.id: Rows() if ghost is None else Rows().extend_to(ghost)}
        return replace(self, tensors=tensors, rows=rows, ghosts=ghosts, schema_ref=None)

    def without_tensor(self, tensor: str) -> State:
        """With a tensor dropped."""
        tensors = {k: v for k, v in self.tensors.items() if k != tensor}
        rows = {k: v for k, v in self.rows.items() if k != tensor}
        ghosts = {**self.ghosts, tensor: self.rows[tensor].ghost}
        return replace(self, tensors=tensors, rows=rows, ghosts=ghosts, schema_ref=None)

    def with_info(self, info: Mapping[str, Any]) -> State:
        """With the dataset's metadata replaced."""
        return replace(self, info=info, schema_ref=None)

    def with_rows(self, tensor: str, rows: Rows) -> State:
        """With a tensor's rows replaced."""
        return replace(self, rows={**self.rows, tensor: rows})

    def with_txn(self, app: str, number: int) -> State:
        """With an application's number moved on."""
        return replace(self, txns={**self.txns, app: number})

    def fork(self, branch: str) -> State:
        """As a new branch takes it over from `branch`."""
        rows = {
            tensor: replace(one, origins=one.origins.fork(branch, one.physical_rows))
            for tensor, one in self.rows.items()
        }
        ghosts = {
            tensor: Ghost(one.physical_rows, one.origins.fork(branch, one.physical_rows))
            for tensor, one in self.ghosts.items()
        }
        return replace(self, rows=rows, ghosts=ghosts, schema_ref=None)

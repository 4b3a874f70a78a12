"""The state of a dataset at one commit: which tensors there are, and where their rows are stored.

All classes are immutable values. Methods that change something return a new value.
"""

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

#: Metadata keys of a dataset that start with this are the library's own. Users do not see them.
RESERVED = "reelbase."
_MAX_ROWS_PER_TENSOR = 1 << 32  # index entries have 32 bits for a row


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one tensor.

    A physical row is the number of a row in the order of appending. It is given out once and never changes. A logical
    row, which users see, is the rank of a row among those that are not deleted.

    Attributes:
        columns: Columns by name: ``data``, and hidden ones that start with an underscore. All have the same physical
            rows.
        dead: The physical rows that are deleted.
        origins: Where rows were born that were not born on this branch.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    dead: Tombstones = field(default_factory=Tombstones)
    origins: Origins = field(default_factory=Origins)

    @cached_property
    def physical_rows(self) -> int:
        """Number of rows ever appended, deleted ones included."""
        return max((column.rows for column in self.columns.values()), default=0)

    @property
    def inline_entries(self) -> int:
        """Number of entries that a commit has to carry for this tensor."""
        return sum(len(column.tail) + len(column.patch) for column in self.columns.values()) + len(self.dead.tail)

    def __len__(self) -> int:
        return self.physical_rows - self.dead.count

    def to_physical(self, store: Store, row: int) -> int:
        """Return the physical row of a logical row, which must exist."""
        return int(self.dead.to_physical(store, np.array([row]))[0]) if self.dead.count else row

    def to_logical(self, store: Store, row: int) -> int:
        """Return the logical row of a physical row that is not deleted."""
        return int(self.dead.to_logical(store, np.array([row]))[0])

    def to_runs(self, store: Store, rows: Iterable[int]) -> Runs:
        """Return runs of the physical rows of some logical rows. These may be in any order, and must exist."""
        physical = self.dead.to_physical(store, np.unique(np.fromiter(rows, np.int64)))
        # -2 is not next to any row, so the first row starts a run.
        starts = np.flatnonzero(np.diff(physical, prepend=-2) != 1)
        stops = np.append(starts[1:], len(physical)) - 1
        return tuple(zip(physical[starts].tolist(), (physical[stops] + 1).tolist(), strict=True))

    def live_runs(self, store: Store) -> Runs:
        """Return the physical rows that are not deleted."""
        return subtract(((0, self.physical_rows),), self.dead.runs(store))

    def append(self, entries: Mapping[str, Entries], count: int) -> Rows:
        """Return the rows with further rows appended.

        Args:
            entries: The entries of the new rows, by column name. Columns that are left out get rows without a sample.
            count: Number of new rows.

        Raises:
            UsageError: the tensor has the largest possible number of rows.
        """
        if self.physical_rows + count >= _MAX_ROWS_PER_TENSOR:
            raise UsageError(
                f"A tensor can have {_MAX_ROWS_PER_TENSOR} rows, deleted ones included.",
                "Copy the dataset, or use another.",
            )
        columns = dict(self.columns)
        for name in {*columns, *entries}:
            # A column that is new to the tensor has no samples in the rows before.
            column = columns.get(name) or Column().append(make_missing(self.physical_rows))
            columns[name] = column.append(entries[name] if name in entries else make_missing(count))
        return replace(self, columns=columns)

    def update(self, rows: Sequence[int], entries: Mapping[str, Entries]) -> Rows:
        """Return the rows with physical rows replaced.

        Args:
            rows: The physical rows.
            entries: One entry for each of the rows, by column name. Columns that are left out lose their samples there.
        """
        columns = dict(self.columns)
        for name in {*columns, *entries}:
            column = columns.get(name) or Column().append(make_missing(self.physical_rows))
            patch = entries[name].copy() if name in entries else np.repeat(make_missing(1), len(rows))
            patch["first"] = rows
            columns[name] = column.update(patch)
        return replace(self, columns=columns)

    def delete(self, runs: Runs) -> Rows:
        """Return the rows without some physical rows, none of which is deleted already."""
        return replace(self, dead=self.dead.with_runs(runs))

    def revive(self, store: Store, row: int, entries: Mapping[str, Entries]) -> Rows:
        """Return the rows with one deleted physical row brought back, and its sample replaced."""
        return replace(self, dead=self.dead.without_runs(store, ((row, row + 1),))).update((row,), entries)

    def extend_to(self, ghost: Ghost) -> Rows:
        """Return the rows followed by deleted ones, up to the number of rows that the tensor ever had.

        Row numbers must not be used twice, so rows that a revert takes away stay as deleted rows (decision 18).
        """
        start, stop = self.physical_rows, ghost.physical_rows
        if start == stop:
            return replace(self, origins=ghost.origins)
        columns = {name: column.append(make_missing(stop - start)) for name, column in self.columns.items()}
        columns = columns or {"data": Column().append(make_missing(stop))}
        return Rows(columns, self.dead.with_runs(((start, stop),)), ghost.origins)

    @property
    def ghost(self) -> Ghost:
        """What must be remembered of the rows when the tensor is dropped."""
        return Ghost(self.physical_rows, self.origins)


@dataclass(frozen=True)
class Ghost:
    """What is remembered of a dropped tensor, because a revert or a merge can bring it back.

    Attributes:
        physical_rows: Number of rows ever appended to the tensor. Their numbers are not given out again.
        origins: Where the rows were born.
    """

    physical_rows: int
    origins: Origins


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorSchema:
    """The description of a tensor.

    Attributes:
        id: Unique id, which renaming does not change.
        name: Unique name; "/" separates groups.
        htype: The htype as the user wrote it, such as "sequence[bbox]".
        dtype: Name of the numpy dtype, or None until the first append fixes it.
        codec: Name of the codec that all samples are stored with. None allows any codec for media, and is raw for
            arrays.
        settings: Keyword arguments of the htype.
        info: The user's metadata.
        per_frame_of: Id of the tensor of videos that it has an item for each frame of; None if it is not paired.
    """

    id: str
    name: str
    htype: str = "generic"
    dtype: str | None = None
    codec: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    per_frame_of: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that a commit carries."""
        stored = {**self.__dict__, "settings": dict(self.settings), "info": dict(self.info)}
        if self.per_frame_of is None:
            del stored["per_frame_of"]
        return stored


@dataclass(frozen=True, eq=False)
class State:
    """A dataset at one commit.

    Attributes:
        tensors: Schemas by tensor id, in order of creation.
        rows: Rows by tensor id.
        info: The metadata of the dataset: the user's, and the library's own (see `RESERVED`).
        ghosts: What is remembered of dropped tensors, by id.
        txns: The highest transaction number of each application, see `Footprint`.
        schema_ref: Id, crc32 and size of the index object that holds schemas and metadata. None if they are in the
            commit itself or have changed since they were written.
    """

    tensors: Mapping[str, TensorSchema] = field(default_factory=dict)
    rows: Mapping[str, Rows] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    ghosts: Mapping[str, Ghost] = field(default_factory=dict)
    txns: Mapping[str, int] = field(default_factory=dict)
    schema_ref: tuple[str, int, int] | None = None

    @cached_property
    def names(self) -> dict[str, str]:
        """Tensor ids by name."""
        return {tensor.name: tensor.id for tensor in self.tensors.values()}

    def with_schema(self, schema: TensorSchema) -> State:
        """Return the state with a tensor added, or its schema replaced.

        A tensor that was dropped before comes back with all its rows deleted.
        """
        tensors = {**self.tensors, schema.id: schema}
        # `schema_ref` is reset by everything that changes schemas or metadata: the stored copy is no longer valid.
        if schema.id in self.rows:
            return replace(self, tensors=tensors, schema_ref=None)
        ghost = self.ghosts.get(schema.id)
        ghosts = {tensor: other for tensor, other in self.ghosts.items() if tensor != schema.id}
        rows = {**self.rows, schema.id: Rows() if ghost is None else Rows().extend_to(ghost)}
        return replace(self, tensors=tensors, rows=rows, ghosts=ghosts, schema_ref=None)

    def without_tensor(self, tensor: str) -> State:
        """Return the state without a tensor."""
        tensors = {other: schema for other, schema in self.tensors.items() if other != tensor}
        rows = {other: held for other, held in self.rows.items() if other != tensor}
        ghosts = {**self.ghosts, tensor: self.rows[tensor].ghost}
        return replace(self, tensors=tensors, rows=rows, ghosts=ghosts, schema_ref=None)

    def with_info(self, info: Mapping[str, Any]) -> State:
        """Return the state with the metadata of the dataset replaced."""
        return replace(self, info=info, schema_ref=None)

    def with_rows(self, tensor: str, rows: Rows) -> State:
        """Return the state with the rows of a tensor replaced."""
        return replace(self, rows={**self.rows, tensor: rows})

    def with_txn(self, app: str, number: int) -> State:
        """Return the state with another transaction number for an application."""
        return replace(self, txns={**self.txns, app: number})

    def fork(self, branch: str) -> State:
        """Return the state as a new branch inherits it from `branch`."""
        rows = {
            tensor: replace(inherited, origins=inherited.origins.fork(branch, inherited.physical_rows))
            for tensor, inherited in self.rows.items()
        }
        ghosts = {
            tensor: Ghost(ghost.physical_rows, ghost.origins.fork(branch, ghost.physical_rows))
            for tensor, ghost in self.ghosts.items()
        }
        return replace(self, rows=rows, ghosts=ghosts, schema_ref=None)

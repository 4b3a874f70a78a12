"""The state of a dataset at one commit: which tensors there are and where their rows lie. Immutable values."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CorruptObjectError
from reelbase.format import segment
from reelbase.format.entry import ENTRY, chained, missing, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.store import Store

Runs = tuple[tuple[int, int], ...]
NO_ENTRIES: Entries = np.zeros(0, ENTRY)


@dataclass(frozen=True, eq=False)
class Column:
    """Rows of one column: folded segments, then a tail of entries; an overlay replaces single rows.

    Attributes:
        segments: Folded entries, in row order.
        tail: Entries of the rows after them, ``first`` relative to the tail's own start.
        over: Segments of replaced rows, oldest first; their ``first`` is the physical row.
        patch: Entries of replaced rows, newer than `over`, oldest first.
    """

    segments: tuple[Segment, ...] = ()
    tail: Entries = field(default_factory=lambda: NO_ENTRIES)
    over: tuple[Segment, ...] = ()
    patch: Entries = field(default_factory=lambda: NO_ENTRIES)

    @cached_property
    def starts(self) -> list[int]:
        """The first row of each segment, and of the tail."""
        return [0, *accumulate(one.rows for one in self.segments)]

    @property
    def rows(self) -> int:
        """How many rows the column covers."""
        return self.starts[-1] + rows_of(self.tail)

    def append(self, entries: Entries) -> Column:
        """The column with further rows."""
        return replace(self, tail=chained([self.tail, entries]))

    def update(self, entries: Entries) -> Column:
        """The column with rows replaced; ``first`` of each entry is the physical row."""
        return replace(self, patch=np.concatenate([self.patch, entries]))

    def entry(self, store: Store, row: int) -> tuple[Any, int]:
        """The entry that holds a physical row, and the row's place within it."""
        replaced = np.flatnonzero(self.patch["first"] == row)
        if len(replaced):
            return self.patch[replaced[-1]], 0
        for over in reversed(self.over):
            found = segment.entry_at(store, over, row)
            if found is not None:
                return found, 0
        at = bisect_right(self.starts, row) - 1
        inner = row - self.starts[at]
        in_segment = at < len(self.segments)
        one = segment.entry_at(store, self.segments[at], inner) if in_segment else segment.covering(self.tail, inner)
        if one is None:
            raise CorruptObjectError(f"No index entry covers row {row}.", "Restore the dataset from a copy.")
        return one, inner - int(one["first"])


@dataclass(frozen=True, eq=False)
class Rows:
    """Where the rows of one tensor lie.

    Attributes:
        columns: By name: ``data`` and hidden ones; all have the same physical rows.
        deleted: Physical rows that are gone, as sorted, disjoint ``(start, stop)``.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    deleted: Runs = ()

    @cached_property
    def physical_rows(self) -> int:
        """Rows ever appended."""
        return max((one.rows for one in self.columns.values()), default=0)

    @cached_property
    def _dead_before(self) -> list[int]:
        return [0, *accumulate(stop - start for start, stop in self.deleted)]

    @cached_property
    def _live_starts(self) -> list[int]:
        """For each deleted run: how many rows are live before it."""
        return [start - dead for (start, _), dead in zip(self.deleted, self._dead_before, strict=False)]

    def __len__(self) -> int:
        return self.physical_rows - self._dead_before[-1]

    def physical(self, row: int) -> int:
        """The physical row of a (valid) logical one."""
        return row + self._dead_before[bisect_right(self._live_starts, row)]

    def append(self, entries: Mapping[str, Entries], count: int) -> Rows:
        """With `count` further rows; a column that is not named gets rows without a sample."""
        columns = dict(self.columns)
        for name in {*columns, *entries}:
            column = columns.get(name) or Column().append(missing(self.physical_rows))
            columns[name] = column.append(entries[name] if name in entries else missing(count))
        return replace(self, columns=columns)

    def update(self, row: int, entries: Mapping[str, Entries]) -> Rows:
        """With one physical row replaced; a column that is not named loses its sample there."""
        columns = dict(self.columns)
        for name in {*columns, *entries}:
            column = columns.get(name) or Column().append(missing(self.physical_rows))
            one = (entries[name] if name in entries else missing(1)).copy()
            one["first"] = row
            columns[name] = column.update(one)
        return replace(self, columns=columns)

    def delete(self, runs: Runs) -> Rows:
        """Without some physical rows."""
        return replace(self, deleted=union([*self.deleted, *runs]))


def union(runs: Iterable[tuple[int, int]]) -> Runs:
    """Sorted, disjoint runs that cover the same rows."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(runs):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif start < stop:
            joined.append((start, stop))
    return tuple(joined)


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
        info: The user's own metadata of the dataset.
        schema_ref: Where schemas and info are stored, if they were too large for a commit and have not changed since.
    """

    tensors: Mapping[str, TensorSchema] = field(default_factory=dict)
    rows: Mapping[str, Rows] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    schema_ref: tuple[str, int, int] | None = None

    @cached_property
    def names(self) -> dict[str, str]:
        """Tensor name to id."""
        return {one.name: one.id for one in self.tensors.values()}

    def with_schema(self, schema: TensorSchema) -> State:
        """With a tensor added or its schema replaced."""
        rows = self.rows if schema.id in self.rows else {**self.rows, schema.id: Rows()}
        return State({**self.tensors, schema.id: schema}, rows, self.info)

    def without(self, tensor: str) -> State:
        """With a tensor dropped."""
        tensors = {k: v for k, v in self.tensors.items() if k != tensor}
        return State(tensors, {k: v for k, v in self.rows.items() if k != tensor}, self.info)

    def with_info(self, info: Mapping[str, Any]) -> State:
        """With the dataset's metadata replaced."""
        return State(self.tensors, self.rows, info)

    def with_rows(self, tensor: str, rows: Rows) -> State:
        """With a tensor's rows replaced."""
        return replace(self, rows={**self.rows, tensor: rows})

"""One column of a tensor: where its rows lie."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CorruptObjectError
from reelbase.format import segment
from reelbase.format.entry import NO_ENTRIES, chain_entries, count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.store import Store


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

    @cached_property
    def rows(self) -> int:
        """How many rows the column covers."""
        return self.starts[-1] + count_rows(self.tail)

    def append(self, entries: Entries) -> Column:
        """The column with further rows."""
        return replace(self, tail=chain_entries([self.tail, entries]))

    def update(self, entries: Entries) -> Column:
        """The column with rows replaced; ``first`` of each entry is the physical row."""
        return replace(self, patch=np.concatenate([self.patch, entries]))

    def find_entry(self, store: Store, row: int) -> tuple[Any, int]:
        """The entry that holds a physical row, and the row's place within it."""
        if len(self.patch):
            replaced = np.flatnonzero(self.patch["first"] == row)
            if len(replaced):
                return self.patch[replaced[-1]], 0
        for over in reversed(self.over):
            found = segment.find_entry(store, over, row)
            if found is not None:
                return found, 0
        return self.find_original_entry(store, row)

    def find_original_entry(self, store: Store, row: int) -> tuple[Any, int]:
        """As `entry`, as if no row had been replaced."""
        at = bisect_right(self.starts, row) - 1
        inner = row - self.starts[at]
        in_segment = at < len(self.segments)
        one = (
            segment.find_entry(store, self.segments[at], inner)
            if in_segment
            else segment.find_covering(self.tail, inner)
        )
        if one is None:
            raise CorruptObjectError(f"No index entry covers row {row}.", "Restore the dataset from a copy.")
        return one, inner - int(one["first"])

    def read_all(self, store: Store) -> Entries:
        """The entries of all rows in order, replaced ones as they were before."""
        return join_segments(store, self.segments, self.tail)

    def read_replaced(self, store: Store) -> Entries:
        """The join_replacements entry of each replaced row, by row."""
        return join_replacements(store, self.over, self.patch)


def join_segments(store: Store, segments: Sequence[Segment], tail: Entries) -> Entries:
    """The entries of several segments and a tail as one run of appended rows."""
    return chain_entries([*(segment.read_entries(store, one) for one in segments), tail])


def join_replacements(store: Store, segments: Sequence[Segment], patch: Entries) -> Entries:
    """Replaced rows by row, the join_replacements entry of each."""
    every = np.concatenate([*(segment.read_entries(store, one) for one in segments), patch])
    _, last = np.unique(every["first"][::-1], return_index=True)
    return every[len(every) - 1 - last]

"""One column of a tensor: the index entries that say where its rows are stored."""

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
    """The index of one column.

    The rows in order are those of `segments`, then those of `tail`. Replaced rows are listed separately, in `over` and
    `patch`, and take precedence.

    Attributes:
        segments: Folded entries, in row order.
        tail: Entries of the rows after the segments. Their ``first`` is relative to the start of the tail.
        over: Segments of replaced rows, oldest first. Their ``first`` is the physical row.
        patch: Entries of rows that were replaced later than those in `over`, oldest first.
    """

    segments: tuple[Segment, ...] = ()
    tail: Entries = field(default_factory=lambda: NO_ENTRIES)
    over: tuple[Segment, ...] = ()
    patch: Entries = field(default_factory=lambda: NO_ENTRIES)

    @cached_property
    def starts(self) -> list[int]:
        """The first row of each segment, and then the first row of the tail."""
        return [0, *accumulate(part.rows for part in self.segments)]

    @cached_property
    def rows(self) -> int:
        """Number of rows in the column."""
        return self.starts[-1] + count_rows(self.tail)

    def append(self, entries: Entries) -> Column:
        """Return the column with the rows of `entries` appended."""
        return replace(self, tail=chain_entries([self.tail, entries]))

    def update(self, entries: Entries) -> Column:
        """Return the column with rows replaced. The ``first`` of each entry is the physical row."""
        return replace(self, patch=np.concatenate([self.patch, entries]))

    def find_entry(self, store: Store, row: int) -> tuple[Any, int]:
        """Return the entry that holds a physical row, and the position of the row within that entry.

        Raises:
            CorruptObjectError: no entry covers the row.
        """
        if len(self.patch):
            # The patch is newer than the segments in `over`, and its last entry for a row is the newest.
            replaced = np.flatnonzero(self.patch["first"] == row)
            if len(replaced):
                return self.patch[replaced[-1]], 0
        for over in reversed(self.over):
            found = segment.find_entry(store, over, row)
            if found is not None:
                return found, 0
        return self.find_original_entry(store, row)

    def find_original_entry(self, store: Store, row: int) -> tuple[Any, int]:
        """Like `find_entry`, but ignore that rows were replaced."""
        at = bisect_right(self.starts, row) - 1
        inner = row - self.starts[at]
        if at < len(self.segments):
            entry = segment.find_entry(store, self.segments[at], inner)
        else:
            entry = segment.find_covering(self.tail, inner)
        if entry is None:
            raise CorruptObjectError(f"No index entry covers row {row}.", "Restore the dataset from a copy.")
        return entry, inner - int(entry["first"])

    def read_all(self, store: Store) -> Entries:
        """Return the entries of all rows in order. Replaced rows have the entries that they had at first."""
        return join_segments(store, self.segments, self.tail)

    def read_replaced(self, store: Store) -> Entries:
        """Return the newest entry of each replaced row, sorted by row."""
        return join_replacements(store, self.over, self.patch)


def join_segments(store: Store, segments: Sequence[Segment], tail: Entries) -> Entries:
    """Return the entries of several segments and a tail as one list of consecutive rows."""
    return chain_entries([*(segment.read_entries(store, part) for part in segments), tail])


def join_replacements(store: Store, segments: Sequence[Segment], patch: Entries) -> Entries:
    """Return the newest entry of each replaced row, sorted by row."""
    entries = np.concatenate([*(segment.read_entries(store, part) for part in segments), patch])
    # `unique` finds the first occurrence of a row: reversed, that is its newest entry.
    _, last = np.unique(entries["first"][::-1], return_index=True)
    return entries[len(entries) - 1 - last]

"""Rows that were deleted: runs of physical rows, folded into segments like the entries of a column."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from reelbase.format import segment
from reelbase.format.entry import ENTRY, NO_ENTRIES
from reelbase.format.origins import subtract, union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.format.entry import Entries
    from reelbase.format.origins import Runs
    from reelbase.format.segment import Segment
    from reelbase.format.store import Store


def runs_to_entries(runs: Runs) -> Entries:
    """Runs as entries."""
    made = np.zeros(len(runs), ENTRY)
    made["first"], made["count"] = [a for a, _ in runs], [b - a for a, b in runs]
    return made


def join_runs(store: Store, segments: Sequence[Segment], tail: Entries) -> Entries:
    """Runs of several segments and a tail, sorted and united."""
    every = np.concatenate([*(segment.read_entries(store, one) for one in segments), tail])
    starts = every["first"].astype(np.int64)
    return runs_to_entries(union(zip(starts.tolist(), (starts + every["count"]).tolist(), strict=True)))


@dataclass(frozen=True, eq=False)
class Tombstones:
    """Deleted physical rows of one tensor. A run is an entry's ``first`` and ``count``; the rest of it is unused.

    Attributes:
        count: How many rows are deleted.
        swept: How many were when the rows were last compacted: if none was since, no sample of a deleted row is left.
        segments: Folded runs.
        tail: Runs deleted since.
    """

    count: int = 0
    swept: int = 0
    segments: tuple[Segment, ...] = ()
    tail: Entries = field(default_factory=lambda: NO_ENTRIES)

    def with_runs(self, runs: Runs) -> Tombstones:
        """With further rows, none of which was deleted before."""
        gone = sum(stop - start for start, stop in runs)
        return replace(self, count=self.count + gone, tail=np.concatenate([self.tail, runs_to_entries(runs)]))

    def without_runs(self, store: Store, runs: Runs) -> Tombstones:
        """With some rows that were deleted alive again."""
        left = subtract(self.runs(store), runs)
        return Tombstones(sum(stop - start for start, stop in left), 0, (), runs_to_entries(left))

    def runs(self, store: Store) -> Runs:
        """All deleted rows, as sorted, disjoint runs."""
        starts, stops, _ = self._rank_runs(store)
        return tuple(zip(starts.tolist(), stops.tolist(), strict=True))

    def contains(self, store: Store, row: int) -> bool:
        """Whether a physical row is deleted."""
        if not self.count:
            return False
        starts, stops, _ = self._rank_runs(store)
        at = int(np.searchsorted(starts, row, side="right")) - 1
        return at >= 0 and row < int(stops[at])

    def runs_within(self, store: Store, start: int, stop: int) -> Runs:
        """The deleted rows among some physical ones, as runs."""
        if not self.count:
            return ()
        starts, stops, _ = self._rank_runs(store)
        low, high = int(np.searchsorted(stops, start, side="right")), int(np.searchsorted(starts, stop))
        cut = zip(starts[low:high].clip(start).tolist(), stops[low:high].clip(max=stop).tolist(), strict=True)
        return tuple(cut)

    def to_physical(self, store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The physical rows of (valid) logical ones; int64, as given."""
        if not self.count:
            return rows
        starts, _, before = self._rank_runs(store)
        return rows + before[np.searchsorted(starts - before[:-1], rows, side="right")]

    def to_logical(self, store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The logical rows of physical ones that are not deleted; int64, as given."""
        if not self.count:
            return rows
        starts, _, before = self._rank_runs(store)
        return rows - before[np.searchsorted(starts, rows, side="right")]

    def _rank_runs(self, store: Store) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Starts, stops, and the number of deleted rows before each run and after the last; all int64."""
        held = self._memo
        if not held:
            every = join_runs(store, self.segments, self.tail)
            starts, counts = every["first"].astype(np.int64), every["count"].astype(np.int64)
            held.append((starts, starts + counts, np.concatenate([[0], np.cumsum(counts)])))
        return held[0]

    @cached_property
    def _memo(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        return []

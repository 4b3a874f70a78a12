"""Deleted rows of a tensor: runs of physical rows, folded into segments like the entries of a column."""

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
    """Return runs as entries, of which only ``first`` and ``count`` are used."""
    entries = np.zeros(len(runs), ENTRY)
    entries["first"], entries["count"] = [start for start, _ in runs], [stop - start for start, stop in runs]
    return entries


def join_runs(store: Store, segments: Sequence[Segment], tail: Entries) -> Entries:
    """Return the runs of several segments and a tail as entries, sorted and without overlap."""
    entries = np.concatenate([*(segment.read_entries(store, part) for part in segments), tail])
    starts = entries["first"].astype(np.int64)
    return runs_to_entries(union(zip(starts.tolist(), (starts + entries["count"]).tolist(), strict=True)))


@dataclass(frozen=True, eq=False)
class Tombstones:
    """The deleted physical rows of one tensor.

    A run is stored as an entry of which only ``first`` and ``count`` are used, so that runs are folded like other
    entries.

    Attributes:
        count: Number of deleted rows.
        swept: Number of rows that were deleted when the tensor was last compacted. If it equals `count`, no samples of
            deleted rows are left to remove.
        segments: Folded runs.
        tail: Runs that were deleted after those.
    """

    count: int = 0
    swept: int = 0
    segments: tuple[Segment, ...] = ()
    tail: Entries = field(default_factory=lambda: NO_ENTRIES)

    def with_runs(self, runs: Runs) -> Tombstones:
        """Return the tombstones with further rows, none of which is deleted already."""
        count = sum(stop - start for start, stop in runs)
        return replace(self, count=self.count + count, tail=np.concatenate([self.tail, runs_to_entries(runs)]))

    def without_runs(self, store: Store, runs: Runs) -> Tombstones:
        """Return the tombstones without some rows, which are no longer deleted."""
        left = subtract(self.runs(store), runs)
        # With `swept` 0, the next compaction looks for samples of all deleted rows again.
        return Tombstones(sum(stop - start for start, stop in left), 0, (), runs_to_entries(left))

    def runs(self, store: Store) -> Runs:
        """Return all deleted rows as sorted, disjoint runs."""
        starts, stops, _ = self._rank_runs(store)
        return tuple(zip(starts.tolist(), stops.tolist(), strict=True))

    def contains(self, store: Store, row: int) -> bool:
        """Return True if a physical row is deleted."""
        if not self.count:
            return False
        starts, stops, _ = self._rank_runs(store)
        at = int(np.searchsorted(starts, row, side="right")) - 1
        return at >= 0 and row < int(stops[at])

    def runs_within(self, store: Store, start: int, stop: int) -> Runs:
        """Return the deleted rows among the physical rows ``start:stop``."""
        if not self.count:
            return ()
        starts, stops, _ = self._rank_runs(store)
        low, high = int(np.searchsorted(stops, start, side="right")), int(np.searchsorted(starts, stop))
        cut = zip(starts[low:high].clip(start).tolist(), stops[low:high].clip(max=stop).tolist(), strict=True)
        return tuple(cut)

    def to_physical(self, store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the physical rows of logical rows, which must exist. Both are int64, in the same order."""
        if not self.count:
            return rows
        starts, _, before = self._rank_runs(store)
        # `starts - before[:-1]` is the logical row at which each run of deleted rows was taken out.
        return rows + before[np.searchsorted(starts - before[:-1], rows, side="right")]

    def to_logical(self, store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the logical rows of physical rows, none of which is deleted. Both are int64, in the same order."""
        if not self.count:
            return rows
        starts, _, before = self._rank_runs(store)
        return rows - before[np.searchsorted(starts, rows, side="right")]

    def _rank_runs(self, store: Store) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return starts and stops of the runs, and the number of deleted rows before each run.

        The last array has one more item, the number of all deleted rows. All are int64.
        """
        memo = self._memo
        if not memo:
            entries = join_runs(store, self.segments, self.tail)
            starts, counts = entries["first"].astype(np.int64), entries["count"].astype(np.int64)
            memo.append((starts, starts + counts, np.concatenate([[0], np.cumsum(counts)])))
        return memo[0]

    @cached_property
    def _memo(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        return []

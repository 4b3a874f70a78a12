"""Folding: entries that many commits carried are moved into segments, and full segments into larger ones.

It keeps commits small. A row of the index is rewritten once for each level of segments, and each level is 32 times as
large as the one below, so in a million commits a row is rewritten four times. Everything that one commit folds goes
into one index object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reelbase.format import segment
from reelbase.format.column import join_replacements, join_segments
from reelbase.format.entry import NO_ENTRIES
from reelbase.format.segment import FOLD_FACTOR
from reelbase.format.tombstones import join_runs

if TYPE_CHECKING:
    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.state import Rows, State
    from reelbase.format.store import Store

_MAX_INLINE_ENTRIES = 512  # in all columns of a commit together: 24 KiB
_Merge = Callable[["Store", Sequence["Segment"], "Entries"], "Entries"]


@dataclass
class _FoldableList:
    """One list of entries that is to be folded.

    Attributes:
        owner: The column or tombstones that have the list.
        kept: The segments that stay as they are.
        entries: What the new segment will hold.
        level: The level of the new segment.
        names: Names of the attributes of `owner` that hold the segments and the inline entries.
    """

    owner: Any
    kept: tuple[Segment, ...]
    entries: Entries
    level: int
    names: tuple[str, str]

    def replace_with(self, segment: Segment) -> Any:
        """Return the owner with the new segment in place of what was folded."""
        segments, inline = self.names
        return replace(self.owner, **{segments: (*self.kept, segment), inline: NO_ENTRIES})


def fold(store: Store, state: State) -> State:
    """Return the same state, with lists of entries that grew too long moved to segments."""
    inline = sum(rows.inline_entries for rows in state.rows.values())
    # With very many tensors, short lists add up to a large commit too: then all of them are folded.
    limit = FOLD_FACTOR if inline <= _MAX_INLINE_ENTRIES else 0
    while due := _find_due(store, state, limit):
        segments = segment.write(store, [(item.entries, item.level) for _, _, item in due])
        for (tensor, column, item), written in zip(due, segments, strict=True):
            state = state.with_rows(tensor, _replace_rows(state.rows[tensor], column, item.replace_with(written)))
    return state


def _find_due(store: Store, state: State, limit: int) -> list[tuple[str, str | None, _FoldableList]]:
    """Return the lists that are too long, with their tensor and column. The column of tombstones is None.

    A column is listed once at most, because its tail and its patch are replaced one after the other.
    """
    found: list[tuple[str, str | None, _FoldableList]] = []
    for tensor, rows in state.rows.items():
        for name, column in rows.columns.items():
            if len(column.tail) > limit:
                found.append((tensor, name, _plan_fold(store, column, ("segments", "tail"), join_segments)))
            elif len(column.patch) > limit:
                found.append((tensor, name, _plan_fold(store, column, ("over", "patch"), join_replacements)))
        if len(rows.dead.tail) > limit:
            found.append((tensor, None, _plan_fold(store, rows.dead, ("segments", "tail"), join_runs)))
    return found


def _replace_rows(rows: Rows, column: str | None, folded: Any) -> Rows:
    """Return the rows of a tensor with one column, or (with None) the tombstones, replaced."""
    return replace(rows, dead=folded) if column is None else replace(rows, columns={**rows.columns, column: folded})


def _plan_fold(store: Store, owner: Any, names: tuple[str, str], join: _Merge) -> _FoldableList:
    """Return what to fold of one list.

    All inline entries go into a new segment. If the list ends with `FOLD_FACTOR` segments of one level, they go into it
    too, and the new segment is one level higher. That can fill the next level, which then goes into it as well.
    """
    kept, level = list(getattr(owner, names[0])), 0
    taken: list[Segment] = []
    while True:
        same = [part for part in kept if part.level <= level]
        start = len(kept) - len(same)
        if len(same) < FOLD_FACTOR or kept[start:] != same:
            break
        taken, kept, level = kept[start:] + taken, kept[:start], level + 1
    return _FoldableList(owner, tuple(kept), join(store, taken, getattr(owner, names[1])), level, names)

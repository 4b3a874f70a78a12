"""Folding: entries of many commits into segments, and segments into larger ones, so that commits stay small.

A row of the index is rewritten once a level; levels grow by 32, so a million commits rewrite it four times. All that
one commit folds goes into one index object.
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

_MAX_INLINE_ENTRIES = 512  # entries that a commit may carry over all columns (24 KiB)
_Merge = Callable[["Store", Sequence["Segment"], "Entries"], "Entries"]


@dataclass
class _FoldableList:
    """One list of entries that is to be folded: segments that stay, and what the new one holds."""

    owner: Any
    kept: tuple[Segment, ...]
    entries: Entries
    level: int
    names: tuple[str, str]  # of the owner's attributes: segments, inline entries

    def replace_with(self, made: Segment) -> Any:
        """The owner with its inline entries in a segment."""
        segments, inline = self.names
        return replace(self.owner, **{segments: (*self.kept, made), inline: NO_ENTRIES})


def fold(store: Store, state: State) -> State:
    """The same state, with tails and patches that grew too long moved to segments."""
    held = sum(rows.inline_entries for rows in state.rows.values())
    limit = FOLD_FACTOR if held <= _MAX_INLINE_ENTRIES else 0
    while due := _find_due(store, state, limit):
        made = segment.write(store, [(one.entries, one.level) for _, _, one in due])
        for (tensor, column, one), written in zip(due, made, strict=True):
            state = state.with_rows(tensor, _replace_rows(state.rows[tensor], column, one.replace_with(written)))
    return state


def _find_due(store: Store, state: State, limit: int) -> list[tuple[str, str | None, _FoldableList]]:
    """One list of each column (and of the tombstones: column None) that has one too long, with its tensor."""
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
    return replace(rows, dead=folded) if column is None else replace(rows, columns={**rows.columns, column: folded})


def _plan_fold(store: Store, owner: Any, names: tuple[str, str], join: _Merge) -> _FoldableList:
    """The inline entries, with every full level at the end of the segments, as one segment of the next level."""
    kept, level = list(getattr(owner, names[0])), 0
    taken: list[Segment] = []
    while True:
        same = [one for one in kept if one.level <= level]
        start = len(kept) - len(same)
        if len(same) < FOLD_FACTOR or kept[start:] != same:
            break
        taken, kept, level = kept[start:] + taken, kept[:start], level + 1
    return _FoldableList(owner, tuple(kept), join(store, taken, getattr(owner, names[1])), level, names)

"""Folding: entries of many commits into segments, and segments into larger ones, so that commits stay small.

A row of the index is rewritten once a level; levels grow by 32, so a million commits rewrite it four times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from reelbase.format import segment
from reelbase.format.segment import FAN
from reelbase.format.state import NO_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.state import Column, State
    from reelbase.format.store import Store

_INLINE = 512  # entries that a commit may carry over all columns (24 KiB)

Join = "Callable[[Store, Sequence[Segment], Entries], Entries]"


def fold(store: Store, state: State) -> State:
    """The same state, with tails and patches that grew too long moved to segments."""
    held = sum(len(one.tail) + len(one.patch) for rows in state.rows.values() for one in rows.columns.values())
    limit = FAN if held <= _INLINE else 0
    for tensor, rows in state.rows.items():
        columns = {name: _fold_column(store, one, limit) for name, one in rows.columns.items()}
        if any(columns[name] is not one for name, one in rows.columns.items()):
            state = state.with_rows(tensor, replace(rows, columns=columns))
    return state


def _fold_column(store: Store, column: Column, limit: int) -> Column:
    if len(column.tail) > limit:
        segments = _merged(store, column.segments, column.tail, segment.joined)
        column = replace(column, segments=segments, tail=NO_ENTRIES)
    if len(column.patch) > limit:
        over = _merged(store, column.over, column.patch, _newest)
        column = replace(column, over=over, patch=NO_ENTRIES)
    return column


def _merged(
    store: Store,
    segments: tuple[Segment, ...],
    tail: Entries,
    join: Callable[[Store, Sequence[Segment], Entries], Entries],
) -> tuple[Segment, ...]:
    """`segments` and one more of `tail`; a full level at the end becomes one segment of the next."""
    kept, level = list(segments), 0
    taken: list[Segment] = []
    while True:
        same = [one for one in kept if one.level <= level]
        start = len(kept) - len(same)
        if len(same) < FAN or kept[start:] != same:
            break
        taken, kept, level = kept[start:] + taken, kept[:start], level + 1
    return (*kept, *segment.write(store, [(join(store, taken, tail), level)]))


def _newest(store: Store, segments: Sequence[Segment], patch: Entries) -> Entries:
    """Replaced rows by row, the newest entry of each."""
    every = np.concatenate([*(segment.entries(store, one) for one in segments), patch])
    _, last = np.unique(every["first"][::-1], return_index=True)
    return every[len(every) - 1 - last]

"""Tensors with one item for each frame of a video: which they are, and whether the numbers agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase.cells import Cell, MissingCell
from reelbase.links.cells import DeferredCell
from reelbase.samples.snapshot import TensorSnapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from reelbase.format.state import State
    from reelbase.format.store import Store

Counts = list[int | None]  #: frames or items of consecutive rows; None where a row holds no sample
ROWS_PER_PAGE: Final = 1024


@dataclass(frozen=True)
class Pair:
    """A tensor with an item for each frame, and the tensor of videos.

    Attributes:
        items: Id of the former.
        video: Id of the latter.
    """

    items: str
    video: str

    def partner(self, tensor: str) -> str:
        """Return the other tensor of the two."""
        return self.video if tensor == self.items else self.items


@dataclass(frozen=True)
class Mismatch:
    """A row in which a tensor has another number of items than its video has frames.

    Attributes:
        pair: The two tensors.
        row: The row.
        items: Number of items.
        frames: Number of frames.
    """

    pair: Pair
    row: int
    items: int
    frames: int

    def describe(self, state: State) -> str:
        """Return what is wrong, in one sentence."""
        names = state.tensors[self.pair.items].name, state.tensors[self.pair.video].name
        return f"Row {self.row} of {names[0]!r} has {self.items} items, and that of {names[1]!r} {self.frames} frames."


def pairs_of(state: State, tensors: Collection[str] | None = None) -> list[Pair]:
    """Return the pairs of tensors in a dataset; with `tensors`, those that one of these belongs to."""
    every = [
        Pair(schema.id, schema.per_frame_of)
        for schema in state.tensors.values()
        if schema.per_frame_of is not None and schema.per_frame_of in state.tensors
    ]
    return every if tensors is None else [pair for pair in every if pair.items in tensors or pair.video in tensors]


def find_mismatches(store: Store, state: State, tensors: Collection[str] | None = None) -> Iterator[Mismatch]:
    """Yield the rows of a dataset in which paired tensors do not agree. Nothing is decoded.

    Args:
        store: The store of the dataset.
        state: The state to look at.
        tensors: Ids of tensors: only pairs that one of these belongs to are compared. None compares all.
    """
    for pair in pairs_of(state, tensors):
        length = min(len(state.rows[pair.items]), len(state.rows[pair.video]))
        for start in range(0, length, ROWS_PER_PAGE):
            rows = range(start, min(length, start + ROWS_PER_PAGE))
            items = count_frames(store, state, pair.items, rows)
            yield from compare(pair, rows, items, count_frames(store, state, pair.video, rows))


def count_frames(store: Store, state: State, tensor: str, rows: Sequence[int]) -> Counts:
    """Return the number of frames or items of some rows; None where a row holds no sample, or the tensor ends."""
    snapshot = TensorSnapshot.of(store, state, tensor)
    existing = [row for row in rows if row < len(snapshot)]
    found = dict(zip(existing, map(_count, snapshot.cells(existing)), strict=True))
    return [found.get(row) for row in rows]


def _count(cell: Cell) -> int | None:
    # The file of a link that was appended with verify=False is not fetched only to count its frames.
    return None if isinstance(cell, (MissingCell, DeferredCell)) or not cell.shape else cell.shape[0]


def compare(pair: Pair, rows: Sequence[int], items: Counts, frames: Counts) -> Iterator[Mismatch]:
    """Yield the rows in which numbers of items and of frames do not agree."""
    for row, count, frame_count in zip(rows, items, frames, strict=True):
        if count is not None and frame_count is not None and count != frame_count:
            yield Mismatch(pair, row, count, frame_count)

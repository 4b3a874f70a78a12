"""Rows taken from where they lie, to stand somewhere else: entries are used again, or their samples repacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.format.chunk import Form
from reelbase.format.entry import Kind, count_rows, make_missing
from reelbase.format.rows import ColumnBuilder, chunk_samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.format.chunk import PackedSample
    from reelbase.format.column import Column
    from reelbase.format.entry import Entries
    from reelbase.format.state import Rows
    from reelbase.format.store import Store


@dataclass(frozen=True)
class Piece:
    """Successive rows of one column that one entry holds.

    Attributes:
        entry: The entry, as an array of one.
        place: The first row's place in it.
        count: How many rows.
    """

    entry: Entries
    offset: int
    count: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the entry."""
        return self.offset == 0 and self.count == count_rows(self.entry)

    @property
    def kind(self) -> int:
        """What the entry's bytes are, see `Kind`."""
        return int(self.entry["kind"][0])

    @property
    def uid(self) -> bytes:
        """Id of the object that holds the entry's bytes."""
        return self.entry["uuid"].tobytes()

    def samples(self, store: Store) -> list[PackedSample]:
        """The samples of these rows, of a chunk."""
        return chunk_samples(store, self.entry[0])[self.offset : self.offset + self.count]

    def add_to(self, builder: ColumnBuilder, store: Store) -> None:
        """Append these rows; a chunk that is needed in part is read."""
        if self.kind == Kind.MISSING:
            builder.add(make_missing(self.count))
        elif self.is_whole:
            builder.add(self.entry)
        else:
            for sample in self.samples(store):
                builder.add(sample)


class Pieces:
    """One column's rows as pieces, replaced rows as they are now."""

    def __init__(self, store: Store, column: Column) -> None:
        self._every = column.read_all(store)
        self._patch = column.read_replaced(store)

    def iter_pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Pieces of physical rows, in order."""
        return (piece for piece, _ in self.iter_with_rows(start, stop))

    def iter_with_rows(self, start: int, stop: int) -> Iterator[tuple[Piece, int]]:
        """Pieces of physical rows, in order, each with its first row."""
        for at in range(int(np.searchsorted(self._every["first"], start, side="right")) - 1, len(self._every)):
            one = self._every[at : at + 1]
            first = int(one["first"][0])
            if first >= stop:
                return
            yield from self._cut(one, max(first, start), min(first + count_rows(one), stop))

    def _cut(self, one: Entries, start: int, stop: int) -> Iterator[tuple[Piece, int]]:
        """Rows of one entry, around those that were replaced."""
        first = int(one["first"][0])
        low, high = np.searchsorted(self._patch["first"], [start, stop])
        for patch in range(int(low), int(high)):
            row = int(self._patch["first"][patch])
            if row > start:
                yield Piece(one, start - first, row - start), start
            yield Piece(self._patch[patch : patch + 1], 0, 1), row
            start = row + 1
        if stop > start:
            yield Piece(one, start - first, stop - start), start


def read_row_entries(store: Store, rows: Rows, row: int) -> dict[str, Entries]:
    """Entries of all columns for one physical row."""
    found = {}
    for name, column in rows.columns.items():
        one, place = column.find_entry(store, row)
        builder = ColumnBuilder(store)
        Piece(_as_array(one), place, 1).add_to(builder, store)
        found[name] = builder.finish()
    return found


def is_missing(store: Store, rows: Rows, row: int) -> bool:
    """Whether a physical row holds no sample."""
    found = (_find_entry(store, rows, name, row) for name in rows.columns)
    return all(item is None or _is_missing_sample(store, *item) for item in found)


def _is_missing_sample(store: Store, one: Any, place: int) -> bool:
    return bool(one["kind"] == Kind.CHUNK) and chunk_samples(store, one)[place].form == Form.MISSING


def is_same_row(store: Store, a: Rows, row_a: int, b: Rows, row_b: int) -> bool:
    """Whether two physical rows hold the same bytes."""
    return all(
        _is_same(store, _find_entry(store, a, name, row_a), _find_entry(store, b, name, row_b))
        for name in {*a.columns, *b.columns}
    )


def _find_entry(store: Store, rows: Rows, name: str, row: int) -> tuple[Any, int] | None:
    if name not in rows.columns:
        return None
    found = rows.columns[name].find_entry(store, row)
    return None if found[0]["kind"] == Kind.MISSING else found


def _is_same(store: Store, a: tuple[Any, int] | None, b: tuple[Any, int] | None) -> bool:
    if a is None or b is None:
        return a is b
    (one, place), (other, there) = a, b
    if one["kind"] == other["kind"] == Kind.CHUNK:
        at = ("uuid", "off")
        if place == there and all(one[name].tobytes() == other[name].tobytes() for name in at):
            return True
        return chunk_samples(store, one)[place] == chunk_samples(store, other)[there]
    return all(one[name] == other[name] for name in ("crc", "len"))


def _as_array(one: Any) -> Entries:
    return np.atleast_1d(np.asarray(one))

"""Taking rows out of a column, to put them elsewhere. Entries are used again, or their samples are packed again."""

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
    """Consecutive rows of one column that one entry holds.

    Attributes:
        entry: The entry, as an array of length 1.
        offset: Position of the first row within the entry.
        count: Number of rows.
    """

    entry: Entries
    offset: int
    count: int

    @property
    def is_whole(self) -> bool:
        """True if the piece covers all rows of the entry."""
        return self.offset == 0 and self.count == count_rows(self.entry)

    @property
    def kind(self) -> int:
        """What the bytes of the entry are, see `Kind`."""
        return int(self.entry["kind"][0])

    @property
    def uid(self) -> bytes:
        """Id of the object that holds the bytes of the entry."""
        return self.entry["uuid"].tobytes()

    def samples(self, store: Store) -> list[PackedSample]:
        """Return the samples of these rows. The entry must be a chunk."""
        return chunk_samples(store, self.entry[0])[self.offset : self.offset + self.count]

    def add_to(self, builder: ColumnBuilder, store: Store) -> None:
        """Append these rows to a builder. A chunk is read only if some of its rows are left out."""
        if self.kind == Kind.MISSING:
            builder.add(make_missing(self.count))
        elif self.is_whole:
            builder.add(self.entry)
        else:
            for sample in self.samples(store):
                builder.add(sample)


class Pieces:
    """The rows of one column as pieces. Replaced rows are taken as they are now."""

    def __init__(self, store: Store, column: Column) -> None:
        self._entries = column.read_all(store)
        self._replaced = column.read_replaced(store)

    def iter_pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Yield the pieces of the physical rows ``start:stop``, in order."""
        return (piece for piece, _ in self.iter_with_rows(start, stop))

    def iter_with_rows(self, start: int, stop: int) -> Iterator[tuple[Piece, int]]:
        """Yield the pieces of the physical rows ``start:stop``, in order, each with its first row."""
        for at in range(int(np.searchsorted(self._entries["first"], start, side="right")) - 1, len(self._entries)):
            entry = self._entries[at : at + 1]
            first = int(entry["first"][0])
            if first >= stop:
                return
            yield from self._cut(entry, max(first, start), min(first + count_rows(entry), stop))

    def _cut(self, entry: Entries, start: int, stop: int) -> Iterator[tuple[Piece, int]]:
        """Yield the rows ``start:stop`` of one entry, interrupted by those that were replaced."""
        first = int(entry["first"][0])
        low, high = np.searchsorted(self._replaced["first"], [start, stop])
        for at in range(int(low), int(high)):
            row = int(self._replaced["first"][at])
            if row > start:
                yield Piece(entry, start - first, row - start), start
            yield Piece(self._replaced[at : at + 1], 0, 1), row
            start = row + 1
        if stop > start:
            yield Piece(entry, start - first, stop - start), start


def read_row_entries(store: Store, rows: Rows, row: int) -> dict[str, Entries]:
    """Return an entry for one physical row in each column, by column name."""
    found = {}
    for name, column in rows.columns.items():
        entry, position = column.find_entry(store, row)
        builder = ColumnBuilder(store)
        Piece(_as_array(entry), position, 1).add_to(builder, store)
        found[name] = builder.finish()
    return found


def is_missing(store: Store, rows: Rows, row: int) -> bool:
    """Return True if a physical row has no sample."""
    found = (_find_entry(store, rows, name, row) for name in rows.columns)
    return all(item is None or _is_missing_sample(store, *item) for item in found)


def _is_missing_sample(store: Store, entry: Any, position: int) -> bool:
    # A chunk holds missing samples too: a short gap between small samples does not close the chunk.
    return bool(entry["kind"] == Kind.CHUNK) and chunk_samples(store, entry)[position].form == Form.MISSING


def is_same_row(store: Store, a: Rows, row_a: int, b: Rows, row_b: int) -> bool:
    """Return True if two physical rows have the same content."""
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
    if a is None or b is None:  # no sample can be stored in two ways
        return all(item is None or _is_missing_sample(store, *item) for item in (a, b))
    (entry_a, position_a), (entry_b, position_b) = a, b
    if entry_a["kind"] == entry_b["kind"] == Kind.CHUNK:
        # The same place in the same chunk needs no reading. Branches share the chunks that they inherited.
        is_same_chunk = all(entry_a[key].tobytes() == entry_b[key].tobytes() for key in ("uuid", "off"))
        if is_same_chunk and position_a == position_b:
            return True
        return chunk_samples(store, entry_a)[position_a] == chunk_samples(store, entry_b)[position_b]
    return all(entry_a[key] == entry_b[key] for key in ("crc", "len"))  # media may be large: nothing is read


def _as_array(entry: Any) -> Entries:
    return np.atleast_1d(np.asarray(entry))

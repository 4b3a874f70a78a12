"""The rows of one tensor at a fixed commit. Views read from this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase.errors import error_context
from reelbase.format.rows import RowReader
from reelbase.samples.schema import reading_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.cells import Cell
    from reelbase.contracts.htype import Htype
    from reelbase.format.state import Rows, TensorSchema
    from reelbase.format.store import Store
    from reelbase.selection.value_types import ValueType

#: Rows whose facts are fetched together: even if each is in a chunk of its own, the cache holds that many chunks.
ROWS_PER_FETCH: Final = 64


class TensorSnapshot:
    """The rows of one tensor as one state of the dataset has them.

    Args:
        store: Where the dataset's objects are.
        schema: The tensor's schema in that state.
        rows: Its rows in that state.
    """

    def __init__(self, store: Store, schema: TensorSchema, rows: Rows) -> None:
        self.schema = schema
        self.name = schema.name
        self._store = store
        self._rows = rows
        self._layout = reading_layout(schema)

    @property
    def htype(self) -> Htype:
        """The htype of one item."""
        return self._layout.htype

    @property
    def is_sequence(self) -> bool:
        """True if a row holds several items."""
        return self._layout.row_shape.is_sequence

    @property
    def value_type(self) -> ValueType:
        """The type of a row in filters."""
        return self._layout.row_shape.type_row(self._layout.item_type)

    def __len__(self) -> int:
        return len(self._rows)

    def label(self, row: int) -> str:
        """Return the text that names a row in messages."""
        return f"Row {row} of tensor {self.name!r}"

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        """Return the samples of rows, all of which must exist.

        On a remote storage the facts of up to `ROWS_PER_FETCH` rows are fetched together first: one round of requests
        instead of one for each row.
        """
        if not self._store.storage.distant:
            return [self._cell(self._reader(row), row) for row in rows]
        pages = (rows[start : start + ROWS_PER_FETCH] for start in range(0, len(rows), ROWS_PER_FETCH))
        return [cell for page in pages for cell in self._fetch_page(page)]

    def _fetch_page(self, rows: Sequence[int]) -> list[Cell]:
        readers = [self._reader(row) for row in rows]
        with error_context(self.label(rows[0]) if len(rows) == 1 else f"Tensor {self.name!r}"):
            self._layout.fetch(readers)
        return list(map(self._cell, readers, rows))

    def _reader(self, row: int) -> RowReader:
        return RowReader(self._store, self._rows, self._rows.to_physical(self._store, row))

    def _cell(self, reader: RowReader, row: int) -> Cell:
        label = self.label(row)
        with error_context(label):
            return self._layout.read(reader, label)

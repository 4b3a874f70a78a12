"""A tensor's rows at one commit: the source that views read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.format.rows import RowReader
from reelbase.schema import reading_layout

if TYPE_CHECKING:
    from reelbase.cells import Cell
    from reelbase.format.state import Rows, TensorSchema
    from reelbase.format.store import Store


class Pinned:
    """Rows of one tensor, as one state has them."""

    def __init__(self, store: Store, schema: TensorSchema, rows: Rows) -> None:
        self.schema = schema
        self._store = store
        self._rows = rows
        self._layout = reading_layout(schema)

    @property
    def name(self) -> str:
        """The tensor's name."""
        return self.schema.name

    def __len__(self) -> int:
        return len(self._rows)

    def cell(self, row: int) -> Cell:
        """The sample of a (valid) row."""
        reader = RowReader(self._store, self._rows, self._rows.physical(self._store, row))
        return self._layout.read(reader, f"Row {row} of tensor {self.name!r}")

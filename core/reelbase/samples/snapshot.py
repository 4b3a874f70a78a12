"""A tensor's rows at one commit: the source that views read from."""

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


_TOGETHER: Final = 64  # rows: no more chunks than the cache holds, also where each row lies in another


class TensorSnapshot:
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

    @property
    def htype(self) -> Htype:
        """Of one item."""
        return self._layout.htype

    def __len__(self) -> int:
        return len(self._rows)

    def where(self, row: int) -> str:
        """What messages call a row."""
        return f"Row {row} of tensor {self.name!r}"

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        """The samples of (valid) rows; what is known of them is read together."""
        if not self._store.storage.distant:
            return [self._cell(self._reader(row), row) for row in rows]
        return [cell for at in range(0, len(rows), _TOGETHER) for cell in self._fetched(rows[at : at + _TOGETHER])]

    def _fetched(self, rows: Sequence[int]) -> list[Cell]:
        readers = [self._reader(row) for row in rows]
        with error_context(self.where(rows[0]) if len(rows) == 1 else f"Tensor {self.name!r}"):
            self._layout.fetch(readers)
        return list(map(self._cell, readers, rows))

    def _reader(self, row: int) -> RowReader:
        return RowReader(self._store, self._rows, self._rows.physical(self._store, row))

    def _cell(self, reader: RowReader, row: int) -> Cell:
        where = self.where(row)
        with error_context(where):
            return self._layout.read(reader, where)

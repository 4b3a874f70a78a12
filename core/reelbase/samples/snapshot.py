"""The rows of one tensor at a fixed commit. Views read from this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase.cells import MissingCell, SequenceCell
from reelbase.errors import error_context
from reelbase.format.rows import RowReader
from reelbase.samples.schema import reading_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.cells import Cell
    from reelbase.contracts.htype import Htype
    from reelbase.format.state import Rows, State, TensorSchema
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
        state: That state, to find the pictures that its items belong to; None: they are not known.
    """

    def __init__(self, store: Store, schema: TensorSchema, rows: Rows, state: State | None = None) -> None:
        self.schema = schema
        self.name = schema.name
        self._store = store
        self._rows = rows
        self._state = state
        self._layout = reading_layout(schema)

    @classmethod
    def of(cls, store: Store, state: State, tensor: str) -> TensorSnapshot:
        """The rows that a state has of a tensor, given by its id."""
        return cls(store, state.tensors[tensor], state.rows[tensor], state)

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

    def picture_size(self, row: int) -> tuple[int, int] | None:
        """Return ``(height, width)`` of the pictures and videos in the same row, in pixels.

        It is None if there are none, or if they are not all of one size.
        """
        state = self._state
        if state is None:
            return None
        others = [
            TensorSnapshot.of(self._store, state, tensor)
            for tensor, schema in state.tensors.items()
            if reading_layout(schema).holds_files and row < len(state.rows[tensor])
        ]
        sizes = {size for other in others for cell in other.cells([row]) for size in _picture_sizes(cell)}
        return sizes.pop() if len(sizes) == 1 else None

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


def _picture_sizes(cell: Cell) -> set[tuple[int, int] | None]:
    """Return ``(height, width)`` of each file of a row; None among them if the frames of a file differ in size."""
    if isinstance(cell, MissingCell):
        return set()
    if isinstance(cell, SequenceCell):
        return {size for item in cell.items for size in _picture_sizes(item)}
    info = cell.media().info
    height, width = info.shape[-3:-1]
    return {None if info.details.get("frame_sizes", 1) > 1 else (height, width)}

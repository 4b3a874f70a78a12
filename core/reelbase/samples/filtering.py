"""Asks a filter about rows, with the samples of the tensors that it names and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.errors import error_context
from reelbase.samples.snapshot import ROWS_PER_FETCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reelbase.samples.snapshot import TensorSnapshot
    from reelbase.selection.filter import Filter


def filter_rows(where: Filter, snapshot_of: Callable[[str], TensorSnapshot], rows: Sequence[int]) -> Iterator[int]:
    """Yield the rows for which a filter is true.

    Args:
        where: The filter.
        snapshot_of: Returns the rows of a tensor.
        rows: The rows to ask about. A tensor may have fewer rows: their values are missing.
    """
    snapshots = {name: snapshot_of(name) for name in where.names}
    for start in range(0, len(rows), ROWS_PER_FETCH):
        page = rows[start : start + ROWS_PER_FETCH]
        columns = {name: _read_values(snapshot, page) for name, snapshot in snapshots.items()}
        for place, row in enumerate(page):
            values = {"row": row} | {name: column[place] for name, column in columns.items()}
            if where.matches(values):
                yield row


def _read_values(snapshot: TensorSnapshot, rows: Sequence[int]) -> list[Any]:
    """Return the sample of each row as filters compare it; None if there is none."""
    present = [row for row in rows if row < len(snapshot)]
    values = {}
    for row, cell in zip(present, snapshot.cells(present), strict=True):
        with error_context(snapshot.label(row)):
            values[row] = cell.plain()
    return [values.get(row) for row in rows]

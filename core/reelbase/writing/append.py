"""Adding rows to tensors, and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.errors import UsageError
from reelbase.format.ops import Delete, ExpectLengths
from reelbase.format.rows import RowsBuilder
from reelbase.samples.schema import layout_of
from reelbase.writing.pairing import check_appended
from reelbase.writing.replace import fix_dtype, iterate_values, take_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reelbase.samples.pairing import Counts
    from reelbase.session.session import Transaction

_END = object()


def append_rows(transaction: Transaction, columns: Mapping[str, Iterable[Any]]) -> int:
    """Append values to several tensors, row after row.

    Args:
        transaction: The transaction to append in.
        columns: Values by the id of their tensor; all of the same length.

    Returns:
        The number of rows appended.

    Raises:
        UsageError: the columns have different lengths.
    """
    schemas = {tensor: transaction.schema_state.tensors[tensor] for tensor in columns}
    layouts = {tensor: layout_of(schema) for tensor, schema in schemas.items()}
    builders = {tensor: RowsBuilder(transaction.store) for tensor in columns}
    counts: dict[str, Counts] = {tensor: [] for tensor in columns}
    iterators = {
        tensor: take_ahead(layouts[tensor], transaction, iterate_values(values, schemas[tensor].name))
        for tensor, values in columns.items()
    }
    count = 0
    while (row := _next_row(iterators, lambda tensor: schemas[tensor].name, count)) is not None:
        for tensor, value in row.items():
            written = layouts[tensor].write(transaction.store, value)
            counts[tensor].append(layouts[tensor].count_items(written))
            builders[tensor].add(written)
        count += 1
    for tensor, schema in schemas.items():
        fix_dtype(transaction, schema, layouts[tensor].dtype)
    if count:
        check_appended(transaction, counts)
        transaction.append(builders)
    return count


def delete_rows(transaction: Transaction, tensor: str, rows: Sequence[int]) -> None:
    """Remove rows of one tensor, given by its id. Rows beyond its end, which only longer tensors have, are ignored."""
    current = transaction.state.rows[tensor]
    existing = [row for row in rows if row < len(current)]
    if existing:
        transaction.do(Delete(tensor, current.to_runs(transaction.store, existing)))
    if len(existing) < len(rows):
        transaction.do(ExpectLengths({tensor: current.physical_rows}))


def _next_row(iterators: Mapping[str, Iterator[Any]], name: Callable[[str], str], count: int) -> dict[str, Any] | None:
    row = {tensor: next(values, _END) for tensor, values in iterators.items()}
    ended = [tensor for tensor, value in row.items() if value is _END]
    if not ended:
        return row or None
    if len(ended) < len(row):
        raise UsageError(
            f"Column {name(ended[0])!r} ends after {count} rows; others go on.", "Give every column as many values."
        )
    return None

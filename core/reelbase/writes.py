"""Writing to rows that exist, and what writing to new ones has in common with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells import ArrayCell, MissingCell, SequenceCell
from reelbase.contracts.htype import as_array, brief
from reelbase.errors import (
    HtypeError,
    MissingSampleError,
    SampleIndexError,
    TensorNotFoundError,
    UsageError,
    error_context,
)
from reelbase.format.ops import ExtendSettings, FixDtype, Update
from reelbase.format.rows import RowsBuilder, stack_rows
from reelbase.format.settings import narrows
from reelbase.pairing import check_replaced
from reelbase.samples.array_layout import safe_cast
from reelbase.samples.foreign import ROWS_PER_PAGE, Selected, Stored, iterate_rows, take_item, take_over
from reelbase.samples.schema import layout_of
from reelbase.samples.snapshot import TensorSnapshot
from reelbase.selection.indexing import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from reelbase.cells import Cell
    from reelbase.contracts.htype import Htype
    from reelbase.format.state import TensorSchema
    from reelbase.samples.array_layout import Layout
    from reelbase.samples.pairing import Counts
    from reelbase.selection.indexing import Item
    from reelbase.session.session import Transaction


def iterate_values(values: Iterable[Any], name: str) -> Iterator[Any]:
    """Iterate over the values of several rows of the tensor `name`.

    Raises:
        UsageError: `values` is one value.
    """
    if isinstance(values, Selected):
        return iterate_rows(values)
    if isinstance(values, (str, bytes, type)) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0:
        raise UsageError(
            f"Tensor {name!r} takes many samples here, not one {type(values).__name__}.", "Give a list of them."
        )
    return iter(values)


def take_ahead(layout: Layout, transaction: Transaction, values: Iterator[Any]) -> Iterator[Any]:
    """Return an iterator of values to write, with samples of other tensors replaced by what they mean in this one."""
    return layout.ahead(transaction.store, (take_over(value, layout) for value in values))


def fix_dtype(transaction: Transaction, schema: TensorSchema, dtype: np.dtype[Any] | None) -> None:
    """Keep the dtype that the first samples gave to a tensor.

    Raises:
        TensorNotFoundError: the tensor was deleted while its values were made.
        HtypeError: it got another dtype meanwhile.
    """
    now = transaction.schema_state.tensors.get(schema.id)
    if now is None:
        raise TensorNotFoundError(f"Tensor {schema.name!r} was deleted while it was written to.", "Nothing was added.")
    if dtype is None or now.dtype == dtype.name:
        return
    if now.dtype is not None and schema.dtype is None:
        raise HtypeError(
            f"Tensor {schema.name!r} became {now.dtype} while {dtype.name} was written to it.", "Name its dtype."
        )
    if now.dtype is None:
        transaction.schema_op(FixDtype(schema.id, dtype.name))


def check_distinct(rows: Sequence[int]) -> None:
    """Check that each row is named once: the user means several rows, and some would get nothing.

    Raises:
        UsageError: a row is named twice.
    """
    numbers, counts = np.unique(np.asarray(rows, np.int64), return_counts=True)
    if (counts > 1).any():
        raise UsageError(f"Row {numbers[counts > 1][0]} is named twice.", "Name each row once.")


def replace_rows(transaction: Transaction, rows: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
    """Replace the samples of rows in one or several tensors. On an error nothing is changed.

    Args:
        transaction: The transaction to write in.
        rows: The rows.
        columns: By the id of its tensor, a value for each row.

    Raises:
        UsageError: a row is named twice, or there are not as many values as rows.
        SampleIndexError: a tensor ends before a row.
        HtypeError, MediaError: a tensor cannot hold a value.
    """
    check_distinct(rows)
    schemas = {tensor: transaction.schema_state.tensors[tensor] for tensor in columns}
    layouts = {tensor: layout_of(schema) for tensor, schema in schemas.items()}
    written = {
        tensor: _write_values(transaction, layouts[tensor], schemas[tensor].name, rows, values)
        for tensor, values in columns.items()
    }
    check_replaced(transaction, rows, {tensor: counts for tensor, (_, counts) in written.items()})
    builders = {tensor: builders for tensor, (builders, _) in written.items()}
    updates = [_make_update(transaction, schemas[tensor], rows, builders[tensor]) for tensor in columns]
    for tensor, schema in schemas.items():
        fix_dtype(transaction, schema, layouts[tensor].dtype)
    if rows:
        for update in updates:
            transaction.do(update)


def _write_values(
    transaction: Transaction, layout: Layout, name: str, rows: Sequence[int], values: Sequence[Any]
) -> tuple[list[RowsBuilder], Counts]:
    """Store the values of one tensor; returns a builder with one row for each, and how many items each has."""
    if len(values) != len(rows):
        counted = "1 value" if len(values) == 1 else f"{len(values)} values"
        raise UsageError(f"{counted} for {len(rows)} rows of {name!r}.", "Give every row one value.")
    builders, counts = [], []
    for value in take_ahead(layout, transaction, iter(values)):
        row = layout.write(transaction.store, value)
        counts.append(layout.count_items(row))
        builders.append(RowsBuilder(transaction.store))
        builders[-1].add(row)
    return builders, counts


def _make_update(
    transaction: Transaction, schema: TensorSchema, rows: Sequence[int], builders: list[RowsBuilder]
) -> Update:
    held = transaction.state.rows[schema.id]
    if rows and max(rows) >= len(held):
        raise SampleIndexError(
            f"Tensor {schema.name!r} ends before row {max(rows)}: it has {len(held)} rows.",
            "Append to it, or leave it out.",
        )
    physical = tuple(held.to_physical(transaction.store, row) for row in rows)
    return Update(schema.id, physical, stack_rows([builder.finish() for builder in builders]) if rows else {})


def replace_part(transaction: Transaction, tensor: str, row: int, items: tuple[Item, ...], value: Any) -> None:
    """Replace a part of one array, or some items of one sequence of arrays.

    Args:
        transaction: The transaction to write in.
        tensor: Id of the tensor.
        row: The row.
        items: The index of the part within the sample.
        value: The new part; it is broadcast to the part as numpy does it. For several items of a sequence, a list.

    Raises:
        SampleIndexError: there is no such part, or the row holds no sample.
        UsageError: the tensor holds files, or the value does not fit the part.
        HtypeError: the tensor cannot hold what comes out.
    """
    snapshot = TensorSnapshot.of(transaction.store, transaction.state, tensor)
    layout, label = layout_of(snapshot.schema), snapshot.label(row)
    if layout.holds_files:
        raise UsageError(
            f"{label} is a file: parts of it cannot be replaced.", "Replace it whole: tensor[row] = value."
        )
    (cell,) = snapshot.cells([row])
    if isinstance(cell, MissingCell):
        raise MissingSampleError(f"{label} has no sample.", "Write the whole one: tensor[row] = value.")
    whole: Any
    if snapshot.is_sequence:
        whole = _replace_items(layout, cell, items, value)
    else:
        whole = _replace_entries(layout, _stored_array(cell), items, value)
    replace_rows(transaction, [row], {tensor: [whole]})


def _replace_items(layout: Layout, cell: Cell, items: tuple[Item, ...], value: Any) -> list[Any]:
    """Return the items of a sequence with some of them, or a part of one, replaced."""
    held = cell.items if isinstance(cell, SequenceCell) else _stored_array(cell)
    changed: list[Any] = [None if isinstance(item, MissingCell) else Stored(_stored_array(item)) for item in held]
    first, *inner = items
    if first is None or first is Ellipsis or np.ndim(first) > 1:  # type: ignore[arg-type]
        raise SampleIndexError("Items are counted on the first axis.", "Begin with an int, a slice or a list.")
    places = Selection(((first,),)).apply(np.arange(len(changed)))
    if places.ndim == 0:
        place = int(places)
        if inner and changed[place] is None:
            raise MissingSampleError(f"Item {place} has no sample.", "Write the whole one: tensor[row, item] = value.")
        if inner:
            changed[place] = _replace_entries(layout, changed[place].array, tuple(inner), value)
        else:
            changed[place] = value
        return changed
    values = list(iterate_values(value, layout.row_shape.name_htype(layout.htype.name)))
    if inner or len(values) != len(places):
        raise UsageError(
            f"{brief(value)} does not replace {len(places)} items.", "Give each item one value, or write one at a time."
        )
    check_distinct(places.tolist())
    for place, item in zip(places.tolist(), values, strict=True):
        changed[place] = item
    return changed


def _replace_entries(layout: Layout, array: NDArray[Any], items: tuple[Item, ...], value: Any) -> Stored:
    """Return a stored array with a part replaced, as the htype checks it."""
    htype = layout.htype
    if htype.numpy(array) is not array:
        raise UsageError(f"A part of {htype.name!r} cannot be replaced.", "Replace it whole: tensor[row] = value.")
    part = Selection((items,)).apply(array)
    new = safe_cast(_make_numbers(layout, value), array.dtype)
    changed = array.copy()
    try:
        changed[items] = np.broadcast_to(_drop_leading_axes(new, part.ndim), part.shape)
    except ValueError:
        raise UsageError(
            f"{brief(value)} of shape {new.shape} does not fit a part of shape {part.shape}.", "Give that shape."
        ) from None
    checked = htype.check(changed)
    if not isinstance(checked, np.ndarray) or checked.shape != array.shape:
        raise UsageError(f"A part of {htype.name!r} cannot be replaced.", "Replace it whole: tensor[row] = value.")
    return Stored(checked)


def add_class_names(transaction: Transaction, tensor: str, names: Sequence[str]) -> None:
    """Add class names to a tensor, given by its id.

    Raises:
        HtypeError: its htype has no class names, they are not names, or a sample holds an id that gets none.
    """
    snapshot = TensorSnapshot.of(transaction.store, transaction.state, tensor)
    htype, old = snapshot.htype.add_class_names(names), snapshot.schema.settings
    new = {**old, **htype.settings()}
    if narrows(new, old):
        _check_samples(snapshot, htype)
    if new != old:
        transaction.schema_op(ExtendSettings(tensor, new))


def _check_samples(snapshot: TensorSnapshot, htype: Htype) -> None:
    """Check that all samples of a tensor are valid for an htype."""
    for start in range(0, len(snapshot), ROWS_PER_PAGE):
        rows = range(start, min(start + ROWS_PER_PAGE, len(snapshot)))
        for row, cell in zip(rows, snapshot.cells(rows), strict=True):
            with error_context(snapshot.label(row)):
                for item in cell.items if isinstance(cell, SequenceCell) else [cell]:
                    if isinstance(item, ArrayCell):
                        htype.check(item.stored.reshape(-1))


def _drop_leading_axes(array: NDArray[Any], ndim: int) -> NDArray[Any]:
    """Return an array without the leading axes of length 1 that are more than `ndim`."""
    while array.ndim > ndim and len(array) == 1:
        array = array[0]
    return array


def _make_numbers(layout: Layout, value: Any) -> NDArray[Any]:
    """Return the new part of an array as numbers; names of classes become ids."""
    taken = take_item(value, layout)
    if isinstance(taken, Stored):
        return taken.array
    try:
        numbers = as_array(taken)
    except HtypeError:
        return as_array(layout.htype.check(taken))
    if numbers.dtype.kind == "b" and layout.dtype is not None and layout.dtype.kind != "b":
        raise HtypeError(f"{brief(value)} is a bool, not a number.", "Give numbers.")
    return numbers


def _stored_array(cell: Any) -> NDArray[Any]:
    return cell.stored if isinstance(cell, ArrayCell) else np.asarray(cell)

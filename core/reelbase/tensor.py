"""One tensor of a dataset."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CommitConflictError, HtypeError, TensorNotFoundError, UsageError
from reelbase.format.ops import Delete, ExpectLengths, FixDtype, SetTxn, Update
from reelbase.format.rows import RowsBuilder, stack_rows
from reelbase.maintenance.links import Links
from reelbase.rows import tensor_source
from reelbase.samples.schema import layout_of, reading_layout
from reelbase.samples.snapshot import TensorSnapshot
from reelbase.selection.indexing import Index
from reelbase.session.info import Info
from reelbase.view import View
from reelbase.viewing.data_source import DatasetViewerSource
from reelbase.viewing.html_repr import html_preview_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reelbase.format.state import TensorSchema
    from reelbase.session.session import Session, Transaction
    from reelbase.viewing.tensor_source import TensorSource


class Tensor:
    """Samples of one htype, one in each row: ``ds.videos`` or ``ds["videos"]``.

    ``tensor[row, frames, …]`` returns a `View` and reads nothing. A write is durable when the call returns, or, inside
    ``with ds:``, when the block ends.
    """

    def __init__(self, session: Session, tensor: str) -> None:
        self._session = session
        self._id = tensor

    @property
    def _schema(self) -> TensorSchema:
        schema = self._session.schema_state.tensors.get(self._id)
        if schema is None:
            raise _deleted_error()
        return schema

    def _snapshot(self) -> TensorSnapshot:
        state = self._session.state
        if self._id not in state.tensors:
            raise _deleted_error()
        return TensorSnapshot(self._session.store, state.tensors[self._id], state.rows[self._id])

    @property
    def _view(self) -> View:
        return View(self._snapshot())

    def __getitem__(self, key: Any) -> View:
        return View(self._snapshot(), Index().then(key))

    def __len__(self) -> int:
        rows = self._session.state.rows.get(self._id)
        if rows is None:
            raise _deleted_error()
        return len(rows)

    def __iter__(self) -> Iterator[View]:
        return iter(self._view)

    @property
    def name(self) -> str:
        """The tensor's name in the dataset."""
        return self._schema.name

    @property
    def htype(self) -> str:
        """The kind of the tensor's items, such as ``"video"`` or ``"sequence[bbox]"``."""
        return self._schema.htype

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The numpy dtype of the arrays that `numpy` returns; None until the first sample sets it."""
        layout = reading_layout(self._schema)
        return np.dtype(layout.htype.shown) if layout.htype.shown else layout.dtype

    @property
    def num_samples(self) -> int:
        """The number of rows, like ``len(tensor)``."""
        return len(self)

    @property
    def ndim(self) -> int:
        """The number of axes: those of the first sample that exists, and one for the rows."""
        return 1 + next((len(view.shape) for view in self if view.exists), 0)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The number of rows, then the length of each axis of the samples, or None where samples differ."""
        lower, upper = self._interval()
        return (len(self), *(a if a == b else None for a, b in zip(lower, upper, strict=True)))

    @property
    def shape_interval(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The smallest and the largest shape, with the number of rows in front; missing samples are ignored."""
        lower, upper = self._interval()
        return (len(self), *lower), (len(self), *upper)

    def _interval(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        shapes = [tuple(length or 0 for length in row.shape) for row in self if row.exists]
        width = max(map(len, shapes), default=0)
        padded = [(*shape, *(0,) * (width - len(shape))) for shape in shapes]
        axes = list(zip(*padded, strict=True))
        return tuple(map(min, axes)), tuple(map(max, axes))

    @property
    def meta(self) -> Mapping[str, Any]:
        """A new dict: ``name``, ``htype``, ``dtype``, ``sample_compression``, ``length`` and the htype's settings."""
        schema = self._schema
        return {
            "name": schema.name,
            "htype": schema.htype,
            "dtype": None if self.dtype is None else self.dtype.name,
            "sample_compression": schema.codec,
            "length": len(self),
            **schema.settings,
        }

    @property
    def info(self) -> Info:
        """Your own metadata of the tensor: a mapping of strings to JSON values. Each assignment is a commit."""
        return Info(self._session, self._schema.id)

    @property
    def links(self) -> Links:
        """For a tensor of links: methods to survey the links, index them again, and store their files.

        Raises:
            UsageError: the tensor's samples are stored in the dataset.
        """
        return Links(self)

    def numpy(self, *, aslist: bool = False) -> Any:
        """Read and decode all samples; see `View.numpy`.

        Args:
            aslist: Return a list with one array per row, even if they could be stacked.

        Returns:
            One array with the rows as its first axis if all samples have the same shape, else a list of arrays.

        Raises:
            MissingSampleError: a row holds no sample.
            DamagedMediaError, StorageError: a sample cannot be read or decoded.
        """
        return self._view.numpy(aslist=aslist)

    def data(self) -> Any:
        """Read all samples in the htype's own form, as a list; see `View.data`.

        Raises as `numpy`.
        """
        return self._view.data()

    def append(self, value: Any) -> None:
        """Add one sample.

        Args:
            value: What the htype takes: an array, a `reelbase.read` file, a `reelbase.link`, a view of another
                tensor's sample, text, … None adds a row without a sample.

        Raises:
            HtypeError, MediaError, UsageError: the tensor cannot hold the value; nothing is changed.
            StorageError: the value could not be stored; nothing is changed.
        """
        self.extend([value])

    def extend(self, values: Iterable[Any]) -> None:
        """Add several samples in one commit. On an error none is added.

        Raises as `append`.
        """
        with self._session.change() as transaction:
            append_rows(transaction, {self._schema.id: values})

    def __setitem__(self, key: Any, value: Any) -> None:
        """Replace one sample (``tensor[3] = value``), or several (``tensor[2:5] = values``), in one commit.

        Raises:
            SampleIndexError: there is no such row.
            UsageError: `key` selects parts of samples, or there are not as many values as rows.
            HtypeError, MediaError: the tensor cannot hold a value; nothing is changed.
        """
        with self._session.change() as transaction:
            single = Index().then(key).is_single
            # Before the rows are resolved: an iterator may append or delete rows.
            values = [value] if single else list(_iterate(value, self.name))
            rows = self._resolve_rows(key)
            if len(values) != len(rows):
                values_word = "value" if len(values) == 1 else "values"
                raise UsageError(f"{len(values)} {values_word} for {len(rows)} rows.", "Give every row one value.")
            self._replace(transaction, rows, values)

    def _replace(self, transaction: Transaction, rows: list[int], values: list[Any]) -> None:
        schema, layout = self._schema, layout_of(self._schema)
        builders = []
        for value in layout.ahead(transaction.store, iter(values)):
            builders.append(RowsBuilder(transaction.store))
            builders[-1].add(layout.write(transaction.store, value))
        _fix_dtype(transaction, schema, layout.dtype)
        state = transaction.state.rows[schema.id]
        physical = tuple(state.to_physical(transaction.store, row) for row in rows)
        if physical:
            transaction.do(Update(schema.id, physical, stack_rows([builder.finish() for builder in builders])))

    def pop(self, index: int = -1) -> None:
        """Remove one row, the last by default; rows after it move up.

        Only this tensor's rows move. `Dataset.pop` removes a row of every tensor, so that they stay aligned.

        Raises:
            SampleIndexError: there is no such row.
        """
        with self._session.change() as transaction:
            delete_rows(transaction, self._schema.id, self._resolve_rows(index))

    def clear(self) -> None:
        """Remove all rows."""
        with self._session.change() as transaction:
            delete_rows(transaction, self._schema.id, range(len(self)))

    def _resolve_rows(self, key: Any) -> list[int]:
        """Return the row numbers that `key` selects."""
        index = Index().then(key)
        if index.selection.steps or index.paired:
            raise UsageError(
                f"A sample can only be replaced as a whole; {key!r} selects parts of it.", "Write tensor[row] = value."
            )
        return [row for row, _ in index.resolve(len(self))]

    def _repr_html_(self) -> str | None:
        """Return what notebooks show: the first frames of the first rows, if the tensor holds videos."""
        return html_preview_or_none(DatasetViewerSource(self.name, [tensor_source(self._snapshot())]))

    def __repr__(self) -> str:
        schema = self._schema
        return f"Tensor({schema.name!r}, htype={schema.htype!r}, rows={len(self)})"


def _deleted_error() -> TensorNotFoundError:
    return TensorNotFoundError("This tensor was deleted from its dataset.", "Ask the dataset for its tensors.")


def make_tensor_source(tensor: Tensor) -> TensorSource:
    """Return the rows of a tensor at the current commit, and its htype, for code that draws them."""
    return tensor_source(tensor._snapshot())


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
    iterators = {
        tensor: layouts[tensor].ahead(transaction.store, _iterate(values, schemas[tensor].name))
        for tensor, values in columns.items()
    }
    count = 0
    while (row := _next_row(iterators, lambda tensor: schemas[tensor].name, count)) is not None:
        for tensor, value in row.items():
            builders[tensor].add(layouts[tensor].write(transaction.store, value))
        count += 1
    for tensor, schema in schemas.items():
        _fix_dtype(transaction, schema, layouts[tensor].dtype)
    if count:
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


def _iterate(values: Iterable[Any], name: str) -> Iterator[Any]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise UsageError(
            f"Tensor {name!r} takes many samples here, not one {type(values).__name__}.", "Give a list of them."
        )
    return iter(values)


def run_once(session: Session, txn: tuple[str, int] | None, do: Callable[[Transaction], None]) -> bool:
    """Call `do` in the session's transaction, unless its `txn` was committed before.

    Args:
        session: The open dataset.
        txn: An application's name and the number of its write; None always calls `do`.
        do: Makes the changes.

    Returns:
        True if `do` was called and its changes were kept; False if `txn` was committed before.

    Raises:
        CommitConflictError: another writer committed the same `txn` while a transaction was open.
    """
    if txn is not None:
        app, number = _check_txn(txn)
    try:
        with session.change() as transaction:
            if txn is not None and number <= transaction.schema_state.txns.get(app, number - 1):
                return False
            do(transaction)
            if txn is not None:
                transaction.schema_op(SetTxn(app, number))
    except CommitConflictError:
        # Another run of the same application may have committed this number just now: then the work is done.
        if txn is None or session.in_transaction:
            raise
        session.refresh()
        if number > session.state.txns.get(app, number - 1):
            raise
        return False
    return True


def _check_txn(txn: Any) -> tuple[str, int]:
    try:
        app, number = txn
        return str(app), operator.index(number)
    except (TypeError, ValueError):
        raise UsageError(f"txn={txn!r} is not a name and a number.", 'Write txn=("nightly ingest", 17).') from None


_END = object()


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


def _fix_dtype(transaction: Transaction, schema: TensorSchema, dtype: np.dtype[Any] | None) -> None:
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

"""Rows of a dataset: every tensor at the same rows, at one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase._util.printable import printable_line
from reelbase.errors import SampleIndexError, TensorNotFoundError, UsageError
from reelbase.samples.filtering import filter_rows
from reelbase.samples.foreign import Selected, iterate_padded
from reelbase.samples.snapshot import TensorSnapshot
from reelbase.sealed import Sealed
from reelbase.selection.filter import Filter
from reelbase.selection.indexing import Index
from reelbase.view import View
from reelbase.viewing.data_source import DatasetViewerSource
from reelbase.viewing.tensor_source import TensorSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reelbase.format.state import State
    from reelbase.format.store import Store
    from reelbase.session.session import Session


_HOW_TO_WRITE: Final = "Rows are read-only. Write to the dataset: ds[row] = {name: value}, or ds.x[row] = value."


class RowsView(Sealed, Selected):
    """Some rows of a dataset, or one: ``ds[10:20]``, ``ds[3].videos``. It stays at the commit it was made at."""

    def __init__(self, store: Store, state: State, rows: Sequence[int], *, single: bool = False) -> None:
        self._store = store
        self._state = state
        self._rows = rows
        self._single = single

    @classmethod
    def of(cls, session: Session) -> RowsView:
        """All rows that the calling thread sees: inside a transaction those of the transaction."""
        state = session.state
        return cls(session.store, state, range(max(map(len, state.rows.values()), default=0)))

    @property
    def tensors(self) -> dict[str, View]:
        """A view of the selected rows of each tensor, by name."""
        return {name: self._view(name) for name in self._state.names}

    @property
    def numbers(self) -> list[int]:
        """The numbers of the selected rows in the dataset."""
        return [int(row) for row in self._rows]

    def _how_to_set(self, name: str) -> str:
        return _HOW_TO_WRITE

    def __setitem__(self, key: Any, value: Any) -> None:
        raise UsageError(f"{self!r} is read-only.", _HOW_TO_WRITE)

    def _get_selection(self) -> Any:
        what = "A row is" if self._single else "Rows are"
        raise UsageError(
            f"{what} not a sample: {self!r}.", 'Choose a tensor of it: row["videos"]. Dataset.extend takes whole rows.'
        )

    def filter(self, where: str) -> RowsView:
        """The rows for which an expression is true; see `Dataset.filter`.

        Raises:
            FilterError: the expression is invalid. No row was read.
        """
        rows = filter_rows(self._check_filter(where), self._snapshot, self.numbers)
        return RowsView(self._store, self._state, list(rows))

    def _check_filter(self, where: str) -> Filter:
        return Filter(where, self._state.names, lambda name: self._snapshot(name).value_type)

    def _viewer_source(self, title: str, where: str = "", **known: Any) -> DatasetViewerSource:
        """All rows, for a viewer; `known` is passed on to `DatasetViewerSource`.

        Raises:
            FilterError: `where` is not a valid filter.
        """
        if where:
            self._check_filter(where)
        sources = [tensor_source(self._snapshot(name)) for name in self._state.names]
        return DatasetViewerSource(title, sources, where=where, **known)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._view(key)
        if self._single:
            raise SampleIndexError(f"One row cannot be indexed by {key!r}.", 'Name a tensor: ds[3]["videos"].')
        index = Index().then(key)
        if index.selection.steps or index.paired:
            raise SampleIndexError(
                f"Rows have one axis; {key!r} indexes more than one.", "Index a tensor for more: ds.videos[3, 10:20]."
            )
        rows = [self._rows[row] for row, _ in index.resolve(len(self._rows))]
        return RowsView(self._store, self._state, rows, single=index.is_single)

    def __getattr__(self, name: str) -> View:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._view(name)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RowsView]:
        return (RowsView(self._store, self._state, [row], single=True) for row in self._rows)

    def __repr__(self) -> str:
        what = f"row {self._rows[0]}" if self._single else f"{len(self)} rows"
        return f"RowsView({what}, tensors: {printable_line(', '.join(self._state.names))})"

    def _view(self, name: str) -> View:
        rows = int(self._rows[0]) if self._single else np.asarray(self._rows, np.int64)
        return View(self._snapshot(name), Index((rows,)))

    def _snapshot(self, name: str) -> TensorSnapshot:
        tensor = self._state.names.get(name)
        if tensor is None:
            known = ", ".join(self._state.names) or "none"
            raise TensorNotFoundError(f"The dataset has no tensor {name!r}.", f"It has: {known}.")
        return TensorSnapshot.of(self._store, self._state, tensor)


def columns_of(rows: RowsView) -> dict[str, Iterator[Any]]:
    """Return the samples of each tensor by its name, row after row, to write them to another dataset.

    They are None in rows that a tensor does not reach.

    Raises:
        UsageError: it is one row.
    """
    if rows._single:
        raise UsageError(f"{rows!r} is one row, not several.", "Add it by ds.append(row).")
    return _columns_of(rows)


def values_of(row: RowsView) -> dict[str, Any]:
    """Return the sample of each tensor by its name, to write them to another dataset.

    Raises:
        UsageError: it is not one row.
    """
    if not row._single:
        raise UsageError(f"{row!r} is not one row.", "Add them by ds.extend(rows), or choose one: rows[0].")
    return {name: next(column) for name, column in _columns_of(row).items()}


def _columns_of(rows: RowsView) -> dict[str, Iterator[Any]]:
    return {name: iterate_padded(rows._snapshot(name), rows._rows) for name in rows._state.names}


def tensor_source(tensor: TensorSnapshot) -> TensorSource:
    """Return the tensor in the form that viewers read."""
    schema = tensor.schema
    return TensorSource(
        tensor.name,
        schema.htype,
        tensor.htype,
        tensor.is_sequence,
        View(tensor),
        len(tensor),
        schema.settings,
        tensor.value_type,
    )

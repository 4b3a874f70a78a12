"""Rows of a dataset: every tensor at the same rows, at one commit."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np

from reelbase._util.printable import printable_line
from reelbase.contracts.htype import brief
from reelbase.contracts.viewer import Start
from reelbase.credentials.resolver import resolver
from reelbase.errors import SampleIndexError, TensorNotFoundError, TransactionError, UsageError
from reelbase.format import log as logs
from reelbase.format.store import Store
from reelbase.group import Group
from reelbase.loading.make import make_loader
from reelbase.loading.source import ClipSource, choose_video
from reelbase.maintenance import copy as copies
from reelbase.samples.filtering import filter_rows
from reelbase.samples.foreign import Selected, iterate_padded
from reelbase.samples.snapshot import TensorSnapshot
from reelbase.sealed import Sealed
from reelbase.selection.filter import Filter
from reelbase.selection.indexing import Index
from reelbase.session.session import Session
from reelbase.view import View
from reelbase.viewing.data_source import DatasetViewerSource, show
from reelbase.viewing.html_repr import html_preview_or_none
from reelbase.viewing.tensor_source import TensorSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reelbase.contracts.viewer import Shown
    from reelbase.credentials.resolver import Creds
    from reelbase.format.commit import Commit
    from reelbase.format.log import Log
    from reelbase.format.state import State
    from reelbase.loading import Loader
    from reelbase.sampling import Clips

Opened = TypeVar("Opened")
_HOW_TO_WRITE: Final = "Rows are read-only. Write to the dataset: ds[row] = {name: value}, or ds.x[row] = value."


@dataclass(frozen=True)
class Origin(Generic[Opened]):
    """Where rows are from.

    Attributes:
        log: The log of the dataset.
        commit: The commit that was current.
        state: The tensors and rows at that time: those of the commit, or inside a transaction those of the transaction.
        open_dataset: Makes a dataset of a session. `reelbase.Dataset` is in a higher layer.
    """

    log: Log
    commit: Commit
    state: State
    open_dataset: Callable[[Session], Opened]

    def check_committed(self) -> None:
        """Check that the rows are those of a commit.

        Raises:
            TransactionError: they are those of an open transaction.
        """
        if self.state is not self.commit.state:
            raise TransactionError(
                "These rows are not committed yet.", "Copy them after the 'with ds:' block, from the dataset."
            )


class RowsBase(Sealed, Selected, Generic[Opened]):
    """What one row and several rows have in common.

    Args:
        origin: Where the rows are from.
        rows: Their numbers in the dataset.
    """

    def __init__(self, origin: Origin[Opened], rows: Sequence[int]) -> None:
        self._origin = origin
        self._rows = rows

    @property
    def tensors(self) -> dict[str, View]:
        """A view of the selected rows of each tensor, by name."""
        return {name: self._view(name) for name in self._names}

    def _how_to_set(self, name: str) -> str:
        return _HOW_TO_WRITE

    def __setitem__(self, key: Any, value: Any) -> None:
        raise UsageError(f"{self!r} is read-only.", _HOW_TO_WRITE)

    def _get_selection(self) -> Any:
        raise UsageError(
            f"{self!r} is not a sample.", 'Choose a tensor of it: row["videos"]. Dataset.extend takes whole rows.'
        )

    @property
    def _names(self) -> Mapping[str, str]:
        return self._origin.state.names

    def copy(
        self,
        dest: str | os.PathLike[str],
        *,
        tensors: Sequence[str] | None = None,
        creds: Creds = None,
        options: Mapping[str, Any] | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Opened:
        """Copy these rows to a new dataset, in their order; see `Dataset.copy` for arguments, results and errors.

        Raises:
            TransactionError: the rows were selected inside a transaction, which is not committed.
        """
        origin = self._origin
        origin.check_committed()
        storage = resolver().open(os.fspath(dest), creds, options, write=True)
        names = self._check_names(tensors)
        ids = [self._find_id(name) for name in names]
        copies.copy(origin.log, origin.commit, ids, self.numbers, storage, progress)
        copied = logs.open_log(Store(storage))
        copied.store.is_ours = origin.log.store.is_ours
        return origin.open_dataset(Session(copied))

    def visualize(self, where: str = "", *, open_browser: bool = True) -> Shown:
        """Show these rows as a grid, and each video with its annotations; see `Dataset.visualize`."""
        return show(self._viewer_source(where), open_browser=open_browser)

    def play(self, *, open_browser: bool = True) -> Shown:
        """Show the first video of these rows, frame by frame or running; the page has the others, too.

        Args:
            open_browser: Open a window; if False, only serve the page, at the returned ``.url``.

        Returns:
            A handle with ``.url`` and ``.close()``.

        Raises:
            UsageError: none of the rows has a video.
            PluginNotFoundError: no viewer is installed.
        """
        return show(self._viewer_source(start=self._find_video()), open_browser=open_browser)

    def _check_names(self, names: Sequence[str] | None) -> Sequence[str]:
        """Return names of tensors; all of them for None.

        Raises:
            UsageError: it is not a list of names.
        """
        if names is None:
            return list(self._names)
        if isinstance(names, str) or not isinstance(names, Iterable) or getattr(names, "ndim", 1) == 0:
            raise UsageError(f"tensors={brief(names)} is not a list of names.", "Pass a list of str.")
        return names

    def _find_video(self) -> Start:
        sources = [tensor_source(self._snapshot(name)) for name in self._names]
        videos = [source for source in sources if source.is_video]
        for row in self.numbers:
            for source in videos:
                if source.has_sample(row):
                    return Start(row=row, tensor=source.name, frame=0)
        raise UsageError(f"{self!r} has no video to play.", "Select rows of a dataset with a tensor of videos.")

    def _repr_html_(self) -> str | None:
        """What notebooks show: the tensors, and the first pictures of the first videos."""
        return html_preview_or_none(self._viewer_source())

    def _viewer_source(self, where: str = "", **known: Any) -> DatasetViewerSource:
        """The rows, for a viewer; `known` is passed on to `DatasetViewerSource`.

        Raises:
            FilterError: `where` is not a valid filter.
        """
        if where:
            self._check_filter(where)
        sources = [tensor_source(self._snapshot(name)) for name in self._names]
        title = known.pop("title", f"{self._origin.log.store.storage.root}, {len(self.numbers)} rows")
        return DatasetViewerSource(title, sources, rows=self.numbers, where=where, **known)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the selected rows in the dataset."""
        return [int(row) for row in self._rows]

    def is_of(self, other: RowsBase[Opened]) -> bool:
        """Return True if both are of the same version of one dataset."""
        return self._origin.log.uid == other._origin.log.uid and self._origin.state is other._origin.state

    def _view(self, name: str) -> View:
        return View(self._snapshot(name), Index((np.asarray(self._rows, np.int64),)))

    def _get(self, name: str) -> Any:
        """Return the view of one tensor, or the group of that name."""
        if name not in self._names and any(other.startswith(f"{name}/") for other in self._names):
            return Group(self, name)
        return self._view(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._get(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._names})

    def _snapshot(self, name: str) -> TensorSnapshot:
        tensor = self._find_id(name)
        return TensorSnapshot.of(self._origin.log.store, self._origin.state, tensor)

    def _check_filter(self, where: str) -> Filter:
        return Filter(where, self._names, lambda name: self._snapshot(name).value_type)

    def _find_id(self, name: str) -> str:
        if not isinstance(name, str) or name not in self._names:
            near = difflib.get_close_matches(name if isinstance(name, str) else "", self._names, 1)
            known = ", ".join(self._names) or "none"
            raise TensorNotFoundError(
                f"The dataset has no tensor {brief(name)}.",
                f"Did you mean {near[0]!r}?" if near else f"It has: {known}.",
            )
        return self._names[name]


class RowsView(RowsBase[Opened]):
    """Some rows of a dataset: ``ds[10:20]``, ``ds.filter("…")``. It stays at the commit it was made at."""

    @classmethod
    def of(cls, session: Session, open_dataset: Callable[[Session], Opened]) -> RowsView[Opened]:
        """All rows that the calling thread sees: inside a transaction those of the transaction."""
        state = session.state
        count = max(map(len, state.rows.values()), default=0)
        return cls(Origin(session.log, session.commit, state, open_dataset), range(count))

    def filter(self, where: str) -> RowsView[Opened]:
        """The rows for which an expression is true; see `Dataset.filter`.

        Raises:
            FilterError: the expression is invalid. No row was read.
        """
        return RowsView(self._origin, list(filter_rows(self._check_filter(where), self._snapshot, self.numbers)))

    def numpy_loader(
        self, clips: Clips, *, tensors: Sequence[str] | None = None, video: str | None = None, **settings: Any
    ) -> Loader:
        """Return batches of clips of these rows; see `Dataset.numpy_loader`.

        Raises as `Dataset.numpy_loader`; and TransactionError if the rows are not committed.
        """
        self._origin.check_committed()
        chosen = {name: self._snapshot(name) for name in self._check_names(tensors)}
        label = f"{self._origin.log.uid}@{self._origin.commit.header.id}"
        source = ClipSource(label, self.numbers, chosen, choose_video(chosen, video))
        return make_loader(source, clips, **settings)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._get(key)
        index = Index().then(key)
        if index.selection.steps or index.paired:
            raise SampleIndexError(
                f"Rows have one axis; {brief(key)} indexes more than one.",
                "Index a tensor for more: ds.videos[3, 10:20].",
            )
        rows = [self._rows[row] for row, _ in index.resolve(len(self._rows))]
        return Row(self._origin, rows) if index.is_single else RowsView(self._origin, rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row[Opened]]:
        return (Row(self._origin, [row]) for row in self._rows)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._names

    def __repr__(self) -> str:
        return f"RowsView({len(self)} rows, tensors: {printable_line(', '.join(self._names))})"


class Row(RowsBase[Opened], Mapping[str, View]):
    """One row of a dataset: a mapping of the names of tensors to views of their samples.

    ``ds[3].videos`` and ``ds[3]["videos"]`` are the view ``ds.videos[3]``; ``dict(ds[3])`` has all of them. It stays at
    the commit it was made at.
    """

    @property
    def number(self) -> int:
        """The number of the row in the dataset."""
        return int(self._rows[0])

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            raise SampleIndexError(f"One row cannot be indexed by {brief(key)}.", 'Name a tensor: ds[3]["videos"].')
        return self._get(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._names

    def _view(self, name: str) -> View:
        return View(self._snapshot(name), Index((self.number,)))

    def __repr__(self) -> str:
        return f"Row({self.number}, tensors: {printable_line(', '.join(self._names))})"


def columns_of(rows: RowsView[Any]) -> dict[str, Iterator[Any]]:
    """Return the samples of each tensor by its name, row after row, to write them to another dataset.

    They are None in rows that a tensor does not reach.
    """
    return {name: iterate_padded(rows._snapshot(name), rows._rows) for name in rows._names}


def values_of(row: Row[Any]) -> dict[str, Any]:
    """Return the sample of each tensor by its name, to write them to another dataset."""
    return {name: next(iterate_padded(row._snapshot(name), row._rows)) for name in row._names}


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

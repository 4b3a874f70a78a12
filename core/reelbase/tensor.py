"""One tensor of a dataset."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import TensorNotFoundError, UsageError
from reelbase.maintenance.links import Links
from reelbase.rows import tensor_source
from reelbase.samples.foreign import Selected
from reelbase.samples.schema import reading_layout
from reelbase.samples.snapshot import TensorSnapshot
from reelbase.sealed import Sealed
from reelbase.selection.indexing import Index
from reelbase.session.info import Info
from reelbase.view import View
from reelbase.viewing.data_source import DatasetViewerSource
from reelbase.viewing.html_repr import html_preview_or_none
from reelbase.writing import (
    add_class_names,
    append_rows,
    check_distinct,
    check_shift,
    delete_rows,
    iterate_values,
    replace_part,
    replace_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from reelbase.format.state import TensorSchema
    from reelbase.session.session import Session
    from reelbase.viewing.tensor_source import TensorSource


_HOW_TO_SET: Final = {
    "class_names": "Add names: tensor.add_class_names([…]). Those that it has cannot change: labels refer to them.",
    "info": "Write its keys: tensor.info[key] = value, or tensor.info.update({…}).",
    "name": "Use ds.rename_tensor(old, new).",
    **dict.fromkeys(
        ("htype", "dtype", "coords", "sample_compression", "meta"),
        "It is chosen in ds.create_tensor. Make another tensor, and extend it from this one: ds.new.extend(ds.old).",
    ),
}


class Tensor(Sealed, Selected):
    """Samples of one htype, one in each row: ``ds.videos`` or ``ds["videos"]``.

    ``tensor[row, frames, …]`` returns a `View` and reads nothing. A write is durable when the call returns, or, inside
    ``with ds:``, when the block ends.
    """

    def __init__(self, session: Session, tensor: str) -> None:
        self._session = session
        self._id = tensor

    def _how_to_set(self, name: str) -> str:
        return _HOW_TO_SET.get(name, "Metadata go into tensor.info[key], samples into tensor[row].")

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
        return TensorSnapshot.of(self._session.store, state, self._id)

    @property
    def _view(self) -> View:
        return View(self._snapshot())

    def _get_selection(self) -> tuple[TensorSnapshot, Index]:
        return self._snapshot(), Index()

    def __getitem__(self, key: Any) -> View:
        snapshot, index = self._snapshot(), Index().then(key)
        index.check(len(snapshot))
        return View(snapshot, index)

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
        """The number of axes of the first sample that exists, and one for the rows."""
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
        """A new dict: ``name``, ``htype``, ``dtype``, ``sample_compression``, ``length`` and the htype's settings.

        If the tensor is paired, ``per_frame_of`` is the name of the tensor of videos.
        Changing it changes nothing: settings are chosen in `Dataset.create_tensor`, and `add_class_names` adds names.
        """
        schema = self._schema
        return {
            "name": schema.name,
            "htype": schema.htype,
            "dtype": None if self.dtype is None else self.dtype.name,
            "sample_compression": schema.codec,
            "length": len(self),
            **self._pairing(),
            **copy.deepcopy(dict(schema.settings)),
        }

    def _pairing(self) -> dict[str, str]:
        tensors = self._session.schema_state.tensors
        video = tensors.get(self._schema.per_frame_of or "")
        return {} if video is None else {"per_frame_of": video.name}

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

    def numpy(
        self,
        *,
        size: tuple[int, int] | None = None,
        out: NDArray[Any] | None = None,
        aslist: bool = False,
        pixels: str | None = None,
    ) -> Any:
        """Read and decode all samples; see `View.numpy` for the arguments.

        Returns:
            One array with the rows as its first axis if all samples have the same shape, else a list of arrays.

        Raises:
            MissingSampleError: a row holds no sample, and `aslist` is not set.
            DamagedMediaError, StorageError: a sample cannot be read or decoded.
            UsageError: `size`, `out` or `pixels` do not fit.
        """
        return self._view.numpy(size=size, out=out, aslist=aslist, pixels=pixels)

    def data(self) -> Any:
        """Read all samples in the htype's own form, as a list; see `View.data`. It is None for a row without a sample.

        Raises as `numpy`, but not for missing samples.
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

        A part of one array is replaced by ``tensor[3, 10:20] = part``, and items of one sequence by ``tensor[3, 25] =
        item``: the rest stays. A file is replaced whole.

        Raises:
            SampleIndexError: there is no such row or part.
            UsageError: `key` selects parts of several samples, or of a file; a row is named twice; or there are not as
                many values as rows.
            HtypeError, MediaError: the tensor cannot hold a value; nothing is changed.
        """
        with self._session.change() as transaction:
            index = Index().then(key)
            if index.is_single and index.selection.steps:
                (row,) = (row for row, _ in index.resolve(len(self)))
                replace_part(transaction, self._id, row, index.selection.steps[0], value)
                return
            _check_whole_rows(index)
            # Before the rows are resolved: an iterator may append or delete rows.
            values = [value] if index.is_single else list(iterate_values(value, self.name))
            replace_rows(transaction, self._resolve_rows(key), {self._id: values})

    def add_class_names(self, names: Sequence[str]) -> None:
        """Add names to the classes of a ``class_label`` tensor, in one commit. They get the next ids.

        Names that the tensor has already are passed over. Stored labels keep their meaning: class names can never be
        removed or reordered, and a revert keeps those that were added. If a tensor was created without class names,
        the first that it gets must be enough for all ids that it holds.

        Raises:
            HtypeError: the tensor's samples have no class names, the names are not a list of strings, or a sample
                holds an id that would have no name.
            CommitConflictError: another writer added class names meanwhile. Refresh, and add them again.
        """
        with self._session.change() as transaction:
            add_class_names(transaction, self._schema.id, names)

    def pop(self, index: int = -1) -> None:
        """Remove one row, the last by default; rows after it move up.

        Only this tensor's rows move. `Dataset.pop` removes a row of every tensor, so that they stay aligned.

        Raises:
            SampleIndexError: there is no such row.
            HtypeError: the tensor is paired with another, whose rows would no longer be next to its own.
        """
        with self._session.change() as transaction:
            rows = self._resolve_rows(index)
            check_distinct(rows)
            if min(rows, default=0) < len(self) - len(rows):  # others move up
                check_shift(transaction.state, self._schema.id)
            delete_rows(transaction, self._schema.id, rows)

    def clear(self) -> None:
        """Remove all rows."""
        with self._session.change() as transaction:
            delete_rows(transaction, self._schema.id, range(len(self)))

    def _resolve_rows(self, key: Any) -> list[int]:
        """Return the row numbers that `key` selects."""
        index = Index().then(key)
        _check_whole_rows(index)
        return [row for row, _ in index.resolve(len(self))]

    def _repr_html_(self) -> str | None:
        """Return what notebooks show: the first frames of the first rows, if the tensor holds videos."""
        return html_preview_or_none(DatasetViewerSource(self.name, [tensor_source(self._snapshot())]))

    def __repr__(self) -> str:
        schema = self._schema
        return f"Tensor({schema.name!r}, htype={schema.htype!r}, rows={len(self)})"


def _check_whole_rows(index: Index) -> None:
    """Check that an index selects whole samples.

    Raises:
        UsageError: it selects parts of them.
    """
    if index.selection.steps or index.paired:
        raise UsageError(
            "The index selects parts of several samples.",
            "Write one after another, tensor[row, …] = part; inside 'with ds:' they are one commit.",
        )


def _deleted_error() -> TensorNotFoundError:
    return TensorNotFoundError("This tensor was deleted from its dataset.", "Ask the dataset for its tensors.")


def make_tensor_source(tensor: Tensor) -> TensorSource:
    """Return the rows of a tensor at the current commit, and its htype, for code that draws them."""
    return tensor_source(tensor._snapshot())

"""Values that are samples of other tensors: what a view means to the tensor that it is appended to.

A number means what its own tensor says it does: a class by its name, a box by its coordinates. So a sample of another
tensor is converted by meaning, and what has no value of the same meaning is an error. Only ``generic`` arrays mean
nothing but their numbers: a generic tensor takes the numbers of any sample, and its own numbers are taken as if the
user had written them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import numpy as np

from reelbase.cells import ArrayCell, Cell, FlatCell, MissingCell, SequenceCell
from reelbase.contracts.htype import Htype
from reelbase.errors import HtypeError, UsageError, error_context
from reelbase.io.batch_read import execute
from reelbase.media.sample import Encode, Link, Sample
from reelbase.selection.indexing import Index, Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from reelbase.samples.array_layout import Layout

ROWS_PER_PAGE: Final = 64
MAX_AXES: Final = 64  #: of a numpy array
_WHOLE: Final = (str, bytes, Mapping, Sample, Encode, list, tuple)  #: values that are not iterators over items
GENERIC: Final = Htype.name


class ForeignSource(Protocol):
    """Rows of a tensor at one commit, or a single file (`reelbase.view.Source`)."""

    def __len__(self) -> int: ...

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        """The samples of (valid) rows."""

    def label(self, row: int) -> str:
        """What messages call a row."""

    @property
    def is_sequence(self) -> bool:
        """True if a row holds several items."""

    def picture_size(self, row: int) -> tuple[int, int] | None:
        """``(height, width)`` of the picture that a row belongs to; None if that is not known."""


class SingleSource:
    """One file that is in no tensor, as a source with one row."""

    is_sequence: ClassVar[bool] = False

    def __len__(self) -> int:
        return 1

    def picture_size(self, row: int) -> None:
        """None: nothing belongs to it."""


class Selected(ABC):
    """A selection of samples of a tensor: what can be appended to another one."""

    @abstractmethod
    def _get_selection(self) -> tuple[ForeignSource, Index]:
        """Return the rows to choose from, and which of them and what of each is selected.

        Raises:
            UsageError: samples cannot be appended this way.
        """


@dataclass(frozen=True)
class ForeignSample(Selected):
    """One sample of another tensor, or a part of it.

    Attributes:
        source: The rows of the other tensor.
        row: The row.
        cell: The sample of that row.
        selection: The part of it.
    """

    source: ForeignSource
    row: int
    cell: Cell
    selection: Selection

    def _get_selection(self) -> tuple[ForeignSource, Index]:
        return self.source, Index((self.row,), self.selection)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.source.label(self.row)

    @property
    def exists(self) -> bool:
        """False if the row holds no sample."""
        return not isinstance(self.cell, MissingCell)

    def split(self) -> ForeignItem | list[ForeignItem]:
        """Return the item that is selected; or a list of items, if several of a sequence are."""
        cell, selection = self.cell, self.selection
        if not self.source.is_sequence:
            return ForeignItem(self, cell, selection)
        if isinstance(cell, ArrayCell):  # items of one shape are stored as one array
            cell = SequenceCell(tuple(ArrayCell(item, cell.htype) for item in cell.stored))
        cell, selection = cell.narrow(selection)
        if isinstance(cell, SequenceCell):
            return [ForeignItem(self, *chosen) for chosen in cell.select(selection)]
        return ForeignItem(self, cell, selection)

    def numbers(self) -> Any:
        """Return what ``numpy()`` returns for the selected part."""
        with error_context(self.label):
            cell, selection = self.cell.narrow(self.selection)
            return execute([cell.prepare_array(selection, self.label)])[0]


@dataclass(frozen=True)
class ForeignItem:
    """One item of a row of another tensor, or a part of it.

    Attributes:
        sample: The row's sample.
        cell: The item.
        selection: The part of it.
    """

    sample: ForeignSample
    cell: Cell
    selection: Selection

    def numbers(self) -> Any:
        """Return what ``numpy()`` returns for the selected part."""
        with error_context(self.sample.label):
            return execute([self.cell.prepare_array(self.selection, self.sample.label)])[0]

    def picture_size(self) -> tuple[int, int] | None:
        """Return ``(height, width)`` of the picture that the item belongs to; None if that is not known."""
        return self.sample.source.picture_size(self.sample.row)

    def as_htype(self, htype: Htype) -> Stored:
        """Return the item as a tensor of another htype stores it.

        Raises:
            HtypeError: there is no value of the same meaning.
        """
        if not isinstance(self.cell, ArrayCell):
            raise HtypeError(f"A file cannot become {htype.name!r}.", f"Append what {htype.name!r} takes.")
        own, stored = self.cell.htype, self.cell.stored
        shown = own.numpy(stored) if self.selection.steps else stored
        if shown is stored:
            whole = _check_whole_entries(stored, self.selection)
            return Stored(_as_array(htype.convert(whole, own, self.picture_size)))
        if shown.dtype.kind in "biufc":
            raise UsageError(f"A part of {own.name!r} is not an item.", "Append the whole sample, or view.numpy().")
        return Stored(_as_array(htype.check(self.selection.apply(shown))))  # ``text[0][0]``: the text itself

    def as_file(self) -> Sample:
        """Return the item as a file with the same bytes.

        Raises:
            UsageError: it is not a file, or only a part is selected.
        """
        return sample_of(self.cell, self.selection)

    def as_link(self) -> Link:
        """Return the link that the item is.

        Raises:
            UsageError: it is not one link, or only a part is selected.
        """
        return link_of(self.cell, self.selection, self.sample.label)


@dataclass(frozen=True)
class Stored:
    """An item as a tensor stores it: it was checked, and needs no more than a cast to the tensor's dtype.

    Attributes:
        array: The item.
    """

    array: NDArray[Any]


def sample_of(cell: Cell, selection: Selection) -> Sample:
    """Return a stored or linked file as a value to append: the same bytes, and the same stream of them.

    Raises:
        UsageError: the cell is not a file, or only a part is selected.
    """
    media = cell.media()
    if selection.steps:
        raise UsageError(
            "Some frames of a file are not a file.", "Append the whole sample, or view.numpy() to encode it."
        )
    details = media.info.details
    return Sample(
        filename=str(details.get("filename", "sample")),
        open=lambda: media.blob,
        stream=details.get("stream"),
        flat=isinstance(media, FlatCell),
    )


def link_of(cell: Cell, selection: Selection, label: str) -> Link:
    """Return the link that a cell is.

    Raises:
        UsageError: it is not one link, or only a part is selected.
    """
    pins = cell.pins()
    if selection.steps or len(pins) != 1:
        raise UsageError(f"{label} is not one link.", "Choose a whole sample of a tensor of links: links[0].")
    return pins[0].link


def iterate_samples(value: Selected) -> Iterator[ForeignSample]:
    """Yield each selected row."""
    source, index = value._get_selection()
    rows = index.resolve(len(source))
    for start in range(0, len(rows), ROWS_PER_PAGE):
        page = rows[start : start + ROWS_PER_PAGE]
        cells = source.cells([row for row, _ in page])
        for cell, (row, selection) in zip(cells, page, strict=True):
            yield ForeignSample(source, row, cell, selection)


def iterate_padded(source: ForeignSource, rows: Sequence[int]) -> Iterator[ForeignSample | None]:
    """Yield the sample of each row, or None for rows beyond the end of the tensor, which only longer tensors have."""
    for start in range(0, len(rows), ROWS_PER_PAGE):
        page = rows[start : start + ROWS_PER_PAGE]
        existing = [int(row) for row in page if row < len(source)]
        cells = dict(zip(existing, source.cells(existing), strict=True))
        for row in map(int, page):
            yield ForeignSample(source, row, cells[row], Selection()) if row in cells else None


def iterate_rows(value: Selected) -> Iterator[ForeignSample | ForeignItem]:
    """Yield what `extend` adds as a row each: selected rows, or the items of one row of a sequence.

    Raises:
        UsageError: one sample is selected, which is not a sequence.
    """
    if not value._get_selection()[1].is_single:
        return iterate_samples(value)
    (sample,) = iterate_samples(value)
    items = sample.split() if sample.exists else None
    if not isinstance(items, list):
        raise UsageError(f"{sample.label} is one sample, not several.", "Add it by append, or choose rows: view[2:5].")
    return iter(items)


def take_over(value: Any, layout: Layout) -> Any:
    """Return a value for `Layout.write`: samples of other tensors are replaced by what they mean there.

    Args:
        value: What the user appended for one row.
        layout: The layout that will write the row.

    Returns:
        None for a row that holds no sample; values that are not samples of other tensors as they are.

    Raises:
        HtypeError, UsageError: there is no value of the same meaning.
    """
    return _take(value, layout, layout.row_shape.is_sequence)


def take_item(value: Any, layout: Layout) -> Any:
    """As `take_over`, for one item, also of a sequence."""
    return _take(value, layout, False)


def _take(value: Any, layout: Layout, is_sequence: bool) -> Any:
    if isinstance(value, ForeignItem):
        return _take_item(value, layout)
    if _is_sample(type(value)):
        return _take_selected(value, layout, is_sequence)
    if (
        is_sequence
        and isinstance(value, Iterable)
        and not isinstance(value, _WHOLE)
        and not hasattr(value, "__array__")
    ):
        value = list(value)  # a generator may yield samples as well
    if not holds_samples(value):
        return value
    if is_sequence:
        return [_take(item, layout, False) for item in value]
    if _takes_numbers(layout):
        return value  # numpy asks each for its numbers
    raise HtypeError(
        f"A list that holds samples of other tensors is not one {layout.htype.name!r}.",
        "Append each sample by itself; tensor.extend takes a list of them.",
    )


def _take_selected(value: Selected, layout: Layout, is_sequence: bool) -> Any:
    samples = [value] if isinstance(value, ForeignSample) else list(iterate_samples(value))
    if not value._get_selection()[1].is_single:
        if is_sequence:
            return [_take(sample, layout, False) for sample in samples]
        raise UsageError(
            f"One sample was expected, not a selection of rows: {value!r}.",
            "Add them by extend, or choose one: view[0].",
        )
    (sample,) = samples
    if not sample.exists:
        return None
    items = sample.split()
    is_whole = not isinstance(items, list) or not any(isinstance(item.cell, MissingCell) for item in items)
    if is_whole and (_takes_numbers(layout) or _is_generic(items)):
        return sample.numbers()
    if isinstance(items, list):
        if is_sequence:
            return [_take_item(item, layout) for item in items]
        raise HtypeError(
            f"{sample.label} is a sequence, and this tensor takes one item in a row.",
            "Add each of its items as a row by extend, or choose one: view[0].",
        )
    if is_sequence:
        raise HtypeError(
            f"{sample.label} is one item, and this tensor takes a sequence in a row.", "Append a list: [view]."
        )
    return _take_item(items, layout)


def _take_item(item: ForeignItem, layout: Layout) -> Any:
    if isinstance(item.cell, MissingCell):
        return None
    if _takes_numbers(layout) or _is_generic(item):
        return item.numbers()
    with error_context(item.sample.label):
        return layout.take(item)


def _takes_numbers(layout: Layout) -> bool:
    """Return True if a tensor holds arrays that mean nothing but their numbers."""
    return layout.htype.name == GENERIC and not layout.holds_files


def _is_generic(items: ForeignItem | list[ForeignItem]) -> bool:
    """Return True if items are arrays that mean nothing but their numbers."""
    first = next(iter(items), None) if isinstance(items, list) else items
    return first is not None and isinstance(first.cell, ArrayCell) and first.cell.htype.name == GENERIC


def _is_sample(kind: type) -> bool:
    """Return True for classes of samples of tensors. Files that are in no tensor can be selected from as well."""
    return issubclass(kind, Selected) and not issubclass(kind, Sample)


def holds_samples(value: object) -> bool:
    """Return True if a list holds samples of other tensors, at any depth that an array can have."""
    level = value if isinstance(value, (list, tuple)) else ()
    for _ in range(MAX_AXES):  # level by level: a row may be a list of a box for each of thousands of frames
        kinds = set(map(type, level))
        if any(_is_sample(kind) or issubclass(kind, ForeignItem) for kind in kinds):
            return True
        lists = tuple(kind for kind in kinds if issubclass(kind, (list, tuple)))
        if not lists:
            return False
        distinct = {id(item): item for item in level if isinstance(item, lists)}  # lists may contain themselves
        level = list(chain.from_iterable(distinct.values()))
    return False


def _check_whole_entries(stored: NDArray[Any], selection: Selection) -> NDArray[Any]:
    """Return the selected part of an item, if it consists of whole entries of the first axis: whole boxes, say.

    Raises:
        UsageError: it consists of parts of them, which mean nothing by themselves.
    """
    part, inner = selection.apply(stored), stored.shape[1:]
    if not selection.steps or not inner:
        return part
    size = int(np.prod(inner))
    places = selection.apply(np.arange(stored.size).reshape(stored.shape))
    is_whole = places.shape[places.ndim - len(inner) :] == inner
    if is_whole and size:
        entries = places.reshape(-1, size)
        is_whole = bool((entries == entries[:, :1] // size * size + np.arange(size)).all())
    if not is_whole:
        raise UsageError(
            f"A part of shape {part.shape} cuts through items of shape {inner}.",
            "Select whole ones, or append view.numpy() for its numbers.",
        )
    return part


def _as_array(checked: Any) -> NDArray[Any]:
    if not isinstance(checked, np.ndarray):
        raise HtypeError("An array cannot become a file.", "Append reelbase.read(path) or a view of a file.")
    return checked

"""numpy's index rules, kept as expressions until the number of rows is known. Pure: nothing here does I/O.

An `Index` is what is between the brackets after a tensor or a view. Its first axis chooses rows, and the others index
each sample. A tensor whose samples have different shapes is not an array, so two rules differ from numpy's. An int on
the row axis chooses a sample before the rest is applied: ``t[0, :, [1, 2]]`` is ``t[0][:, [1, 2]]``. And the row axis
always stays in front.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, replace
from operator import index as as_int
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import SampleIndexError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Item = int | slice | EllipsisType | None | np.ndarray
Shape = tuple[int, ...]
WHOLE = slice(None)  #: selects all of an axis


@dataclass(frozen=True)
class Axis:
    """What messages call one axis, and how they say how long it is.

    Attributes:
        position: What a position on it is: "Frame".
        whole: What has that axis: "the video has".
        unit: What it has one of at every position, and several of which: "frame", "frames".
    """

    position: str
    whole: str
    unit: tuple[str, str]

    def describe(self, length: int) -> str:
        """Say how long it is: "the video has 132 frames"."""
        whole = "there is" if self.whole == "there are" and length == 1 else self.whole
        return f"{whole} {length} {self.unit[length != 1]}"


ROWS = Axis("Row", "there are", ("row", "rows"))
FRAMES = Axis("Frame", "the video has", ("frame", "frames"))
ITEMS = Axis("Item", "the sequence has", ("item", "items"))


def parse(key: object) -> tuple[Item, ...]:
    """Return the items between the brackets.

    Args:
        key: What was passed to ``__getitem__``.

    Returns:
        For each axis an int, a slice, Ellipsis, None, an int64 array or a 1-D bool array.

    Raises:
        SampleIndexError: an item is of another kind, or there are two Ellipses.
    """
    items = tuple(_parse_item(item) for item in (key if isinstance(key, tuple) else (key,)))
    if len(items) > 1 and sum(item is Ellipsis for item in items) > 1:
        raise SampleIndexError("An index can hold only one Ellipsis ('...').", "Write the other axes as ':'.")
    return items


def _parse_item(value: object) -> Item:
    if value is None or value is Ellipsis:
        return value
    if isinstance(value, slice):
        parts = [None if part is None else _parse_integer(part) for part in (value.start, value.stop, value.step)]
        if parts[2] == 0:
            raise SampleIndexError("The step of a slice cannot be 0.", "Leave it out for 1.")
        return slice(*parts)
    if isinstance(value, (bool, np.bool_)):
        raise SampleIndexError(f"{value!r} is not an index.", "Pass a mask as long as the axis, or an int.")
    if isinstance(value, (list, tuple, range)) or _count_axes(value):
        return _parse_array(value)
    return _parse_integer(value)


def _count_axes(value: object) -> int:
    """Return the number of axes of an array of numpy or another library; 0 for everything else.

    A tensor of PyTorch, a Series of pandas and an array of Arrow can all be converted by numpy.
    """
    if not hasattr(value, "__array__") or isinstance(value, type):
        return 0
    axes = getattr(value, "ndim", 1)  # Arrow's arrays have one axis, and do not say so
    return axes if isinstance(axes, int) else 1


def _parse_integer(value: object) -> int:
    try:
        return as_int(value)  # type: ignore[arg-type]
    except TypeError:
        raise SampleIndexError(
            f"{reprlib.repr(value)} is not an index: it is of type {type(value).__name__}.",
            "Use ints, slices, lists of ints, boolean masks, '...' or None; .at(seconds) finds frames by time.",
        ) from None


def _parse_array(value: object) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, RecursionError, OverflowError) as error:
        raise SampleIndexError(
            f"A {type(value).__name__} cannot be used as an index: {error}.",
            "Use integer arrays or boolean masks in the memory of the CPU.",
        ) from None
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind == "b" and array.ndim == 1:
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    raise SampleIndexError(
        f"{reprlib.repr(value)} is not an index: it has shape {array.shape} and dtype {array.dtype}.",
        "Use integer arrays, or a one-dimensional boolean mask.",
    )


def _resolve_positions(item: Item, length: int, axis: Axis) -> NDArray[np.int64] | int:
    """Return an int or array item as non-negative positions on an axis.

    Args:
        item: An int, int array or bool array.
        length: Length of the axis.
        axis: What messages call the axis.

    Raises:
        SampleIndexError: a position is out of range, or a mask has another length.
    """
    if isinstance(item, int):
        if not -length <= item < length:
            raise _make_range_error(item, length, axis)
        return item % length
    item = np.asarray(item)
    if item.dtype == bool:
        if len(item) != length:
            raise SampleIndexError(
                f"A mask of {len(item)} does not fit: {axis.describe(length)}.", "Pass one bool for each."
            )
        return np.flatnonzero(item)
    is_outside = (item < -length) | (item >= length)
    if is_outside.any():
        raise _make_range_error(item[is_outside][0], length, axis)
    return np.where(item < 0, item + length, item)


def _make_range_error(position: int, length: int, axis: Axis) -> SampleIndexError:
    return SampleIndexError(
        f"{axis.position} {position} is out of range: {axis.describe(length)}.",
        f"Valid are {-length} to {length - 1}." if length else "There is nothing to choose from.",
    )


def expand(items: Sequence[Item], ndim: int) -> list[Item]:
    """Return `items` with the Ellipsis replaced by slices, so that each of `ndim` axes has an item. Nones stay.

    Raises:
        SampleIndexError: there are more items than axes.
    """
    used = sum(item is not None and item is not Ellipsis for item in items)
    if used > ndim:
        raise SampleIndexError(f"{used} indices are too many: a sample has {ndim} axes here.", "Leave some out.")
    fill: list[Item] = [WHOLE] * (ndim - used)
    at = next((place for place, item in enumerate(items) if item is Ellipsis), len(items))
    return [*items[:at], *fill, *items[at + 1 :]]


def indexed_shape(shape: Shape, items: Sequence[Item], first: Axis | None = None) -> Shape:
    """Return the shape of ``array[items]`` for an array of `shape`, by numpy's rules.

    Args:
        shape: Shape of the array.
        items: The index.
        first: What messages call axis 0; None calls it that.

    Raises:
        SampleIndexError: the items do not fit the shape.
    """
    basic: list[tuple[int, int]] = []  # slices and Nones: place in the index, and length of the axis that results
    fancy: list[int] = []  # ints and arrays: place in the index
    shapes: list[Shape] = []
    axis = 0
    for place, item in enumerate(expand(items, len(shape))):
        if item is None:
            basic.append((place, 1))
            continue
        length = shape[axis]
        if isinstance(item, slice):
            basic.append((place, len(range(length)[item])))
        else:
            fancy.append(place)
            shapes.append(np.shape(_resolve_positions(item, length, _name_axis(axis, first))))
        axis += 1
    if not any(shapes):
        return tuple(length for _, length in basic)
    try:
        joined = np.broadcast_shapes(*shapes)
    except (ValueError, RuntimeError):  # or more axes than numpy's broadcasting has
        raise SampleIndexError(f"Index arrays of shapes {shapes} do not fit together.", "Use equal lengths.") from None
    # The axis of index arrays goes where they are if they are next to each other, otherwise to the front.
    is_adjacent = fancy[-1] - fancy[0] == len(fancy) - 1
    front = sum(place < fancy[0] for place, _ in basic) if is_adjacent else 0
    lengths = tuple(length for _, length in basic)
    return lengths[:front] + joined + lengths[front:]


def _follow(first: Axis, items: Sequence[Item], ndim: int) -> Axis | None:
    """Return what axis 0 is called after a step; None if it is another axis then."""
    expanded = expand(items, ndim)
    stays = np.ndim(expanded[0]) == 1 if isinstance(expanded[0], np.ndarray) else isinstance(expanded[0], slice)
    return replace(first, whole="this selection has") if stays and _stays_first(expanded) else None


def _name_axis(axis: int, first: Axis | None) -> Axis:
    return first if first is not None and axis == 0 else Axis("Index", f"axis {axis} has", ("entry", "entries"))


@dataclass(frozen=True, eq=False)
class Selection:
    """The part of a sample that is selected.

    Attributes:
        steps: Index expressions, applied one after another.
    """

    steps: tuple[tuple[Item, ...], ...] = ()

    def then(self, items: tuple[Item, ...]) -> Selection:
        """Return this selection followed by another index expression."""
        return Selection((*self.steps, items)) if items else self

    def shape(self, full: Shape, first: Axis | None = None) -> Shape:
        """Return the shape of the selected part of a sample.

        Args:
            full: Shape of the whole sample.
            first: What messages call its axis 0; None calls it that.

        Raises:
            SampleIndexError: the selection does not fit the shape.
        """
        for items in self.steps:
            ndim = len(full)
            full = indexed_shape(full, items, first)
            first = None if first is None else _follow(first, items, ndim)
        return full

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the selected part of a whole sample."""
        self.shape(array.shape)  # raises our errors; numpy's would not say what to do
        for items in self.steps:
            array = array[items]
        return array

    def split_frames(self, full: Shape, axis: Axis = FRAMES) -> tuple[NDArray[np.int64], Selection]:
        """Split the selection into the needed entries of the first axis, and what remains to be done with them.

        So a video decodes only the frames that are asked for.

        Args:
            full: Shape of the whole sample.
            axis: What messages call the first axis.

        Returns:
            ``(request, rest)``. The first is the positions on the first axis, in the order and with the repeats that
            were asked for. The second is the selection that makes the result from an array of just those entries.

        Raises:
            SampleIndexError: the selection does not fit the shape.
        """
        self.shape(full, axis)
        request, rest = np.arange(full[0]), Selection()
        shape = full
        for step, items in enumerate(self.steps):
            expanded = expand(items, len(shape))
            lead = next(place for place, item in enumerate(expanded) if item is not None)
            request, mine = _narrow(request, expanded[lead])
            others = expanded[:lead] + expanded[lead + 1 :]
            if np.ndim(mine) == 1 and not any(isinstance(other, (int, np.ndarray)) for other in others):  # type: ignore[arg-type]
                mine = WHOLE  # the request is already in the order of a list, unless the list is paired with another
            expanded[lead] = mine
            if any(not _is_whole(item) for item in expanded):
                rest = rest.then(tuple(expanded))
            # Later steps index other axes if the first axis was dropped or moved: they are left to the array.
            if lead or not isinstance(mine, slice):
                return request, Selection(rest.steps + self.steps[step + 1 :])
            shape = indexed_shape(shape, items)
            if not _stays_first(expanded):
                return request, Selection(rest.steps + self.steps[step + 1 :])
        return request, rest


def _is_whole(item: Item) -> bool:
    return isinstance(item, slice) and item == WHOLE


def _stays_first(expanded: list[Item]) -> bool:
    """Return True if axis 0, taken whole, is still axis 0 of the result.

    numpy moves the axis of index arrays to the front if they are not next to each other.
    """
    fancy = [place for place, item in enumerate(expanded) if isinstance(item, (int, np.ndarray))]
    return not any(isinstance(item, np.ndarray) for item in expanded) or fancy[-1] - fancy[0] == len(fancy) - 1


def _narrow(request: NDArray[np.int64], item: Item) -> tuple[NDArray[np.int64], Item]:
    """Return the part of `request` that `item` needs, and the item that selects the same from that part."""
    if isinstance(item, slice):
        return request[item], WHOLE
    places = _resolve_positions(item, len(request), FRAMES)
    if isinstance(places, int):
        return request[places : places + 1], 0
    taken = request[places.reshape(-1)]
    if places.ndim == 1:
        return taken, np.arange(len(taken)) if len(taken) else np.zeros(0, np.int64)
    return taken, np.arange(len(taken)).reshape(places.shape)


@dataclass(frozen=True, eq=False)
class Index:
    """The rows of a tensor that are selected, and the part of each sample. It is immutable.

    Attributes:
        rows: Selectors of the row axis, applied one after another. If one is an int, it is the last.
        selection: The part of each sample.
        paired: If the row axis and another axis were indexed with lists, numpy pairs their items. This holds the index
            of the other axes, whose arrays have one item for each of the paired rows. None if nothing is paired.
        points: How many of the selectors in `rows` belong to the pairing. Later ones choose among the pairs.
    """

    rows: tuple[Item, ...] = ()
    selection: Selection = Selection()
    paired: tuple[Item, ...] | None = None
    points: int = 0

    @property
    def is_single(self) -> bool:
        """True if an int dropped the row axis."""
        return bool(self.rows) and isinstance(self.rows[-1], int)

    def then(self, key: object) -> Index:
        """Return this index, indexed further.

        Args:
            key: What was passed to ``__getitem__``.

        Raises:
            SampleIndexError: `key` is not an index.
        """
        items = parse(key)
        if self.is_single:
            return Index(self.rows, self.selection.then(items), self.paired, self.points)
        if items and items[0] is None:
            raise SampleIndexError("None cannot come before the row axis.", "Put it after the row index.")
        if items and items[0] is Ellipsis:
            items = (WHOLE, *items)
        row, rest = (items[0], items[1:]) if items else (WHOLE, ())
        if isinstance(row, np.ndarray) and any(isinstance(item, np.ndarray) for item in rest):
            return self._pair(row, rest)
        return Index((*self.rows, row), self.selection.then(rest), self.paired, self.points)

    def _pair(self, row: NDArray[Any], rest: tuple[Item, ...]) -> Index:
        """Return this index with a list of rows whose items are paired with those of other lists.

        Raises:
            SampleIndexError: the lists cannot be paired.
        """
        if self.paired is not None or self.selection.steps:
            raise SampleIndexError("Lists for rows and frames can be paired only once.", "Index the array instead.")
        lists = [
            np.flatnonzero(item) if item.dtype == bool else item
            for item in (row, *rest)
            if isinstance(item, np.ndarray)
        ]
        try:
            together = iter(np.broadcast_arrays(*lists))
        except ValueError:
            lengths = ", ".join(str(len(items)) for items in lists)
            raise SampleIndexError(
                f"Index lists of lengths {lengths} do not pair.",
                "Use equal lengths, or index twice: t[rows][:, frames].",
            ) from None
        if any(items.ndim != 1 for items in lists):
            raise SampleIndexError("Paired index lists must be one-dimensional.", "Flatten them.")
        rows = (*self.rows, next(together))
        paired = tuple(next(together) if isinstance(item, np.ndarray) else item for item in rest)
        return replace(self, rows=rows, paired=paired, points=len(rows))

    def check(self, length: int) -> None:
        """Check that the row that was indexed last exists.

        Args:
            length: Number of rows of the tensor.

        Raises:
            SampleIndexError: it is out of range.
        """
        for item in self.rows[:-1]:
            length = _count(item, length)
        if self.rows and not isinstance(self.rows[-1], slice):
            _resolve_positions(self.rows[-1], length, ROWS)

    def resolve(self, length: int) -> list[tuple[int, Selection]]:
        """Return each selected row of a tensor, with the part of its sample.

        Args:
            length: Number of rows of the tensor.

        Raises:
            SampleIndexError: a row is out of range.
        """
        if self.paired is None:
            return [(row, self.selection) for row in _choose_rows(range(length), self.rows)]
        chosen = _choose_rows(range(length), self.rows[: self.points])
        places = _choose_rows(range(len(chosen)), self.rows[self.points :])
        return [(chosen[place], self._select_point(place)) for place in places]

    def _select_point(self, place: int) -> Selection:
        """Return the selection of the pair at a position."""
        items = tuple(int(item[place]) if isinstance(item, np.ndarray) else item for item in self.paired or ())
        return Selection((items, *self.selection.steps))


def _count(item: Item, length: int) -> int:
    """Return how many of `length` rows a selector chooses."""
    if isinstance(item, slice):
        return len(range(length)[item])
    array = np.asarray(item)
    return int(np.count_nonzero(array)) if array.dtype == bool else array.size


def _choose_rows(rows: range | list[int], selectors: Sequence[Item]) -> range | list[int]:
    """Return the rows that remain when selectors are applied one after another."""
    for item in selectors:
        if isinstance(item, slice):
            rows = rows[item]
            continue
        places = _resolve_positions(item, len(rows), ROWS)
        rows = [rows[places]] if isinstance(places, int) else [rows[k] for k in places.reshape(-1).tolist()]
    return rows

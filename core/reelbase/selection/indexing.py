"""Indexing as numpy does it, kept symbolic until a length is known. Pure.

An `Index` is what is in the brackets after a tensor or a view: the first axis chooses rows, the others index
each sample. Two rules where a ragged tensor must differ from an array: an int on the row axis chooses a sample
before the rest is applied (``t[0, :, [1, 2]]`` is ``t[0][:, [1, 2]]``), and the row axis always stays in front.
"""

from __future__ import annotations

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
WHOLE = slice(None)


def parse(key: object) -> tuple[Item, ...]:
    """The items between the brackets, each an int, slice, Ellipsis, None, int64 array or 1-D bool array.

    Raises:
        SampleIndexError: an item is of another kind, or there are two Ellipses.
    """
    items = tuple(_parse_item(one) for one in (key if isinstance(key, tuple) else (key,)))
    if len(items) > 1 and sum(item is Ellipsis for item in items) > 1:
        raise SampleIndexError("An index can hold only one Ellipsis ('...').", "Write the other axes as ':'.")
    return items


def _parse_item(one: object) -> Item:
    if one is None or one is Ellipsis:
        return one
    if isinstance(one, slice):
        return slice(*(None if part is None else _parse_integer(part) for part in (one.start, one.stop, one.step)))
    if isinstance(one, (bool, np.bool_)):
        raise SampleIndexError(f"{one!r} is not an index.", "Give a mask as long as the axis, or an int.")
    if isinstance(one, (list, tuple, range, np.ndarray)) and np.ndim(one) > 0:
        return _parse_array(one)
    return _parse_integer(one)


def _parse_integer(one: object) -> int:
    try:
        return as_int(one)  # type: ignore[arg-type]
    except TypeError:
        raise SampleIndexError(
            f"{one!r} is not an index: it is a {type(one).__name__}.",
            "Use ints, slices, lists of ints, boolean masks, '...' or None; .at(seconds) finds frames by time.",
        ) from None


def _parse_array(one: object) -> NDArray[Any]:
    array = np.asarray(one)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind == "b" and array.ndim == 1:
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    raise SampleIndexError(
        f"An index array of shape {array.shape} and dtype {array.dtype} is not supported.",
        "Use integer arrays, or a one-dimensional boolean mask.",
    )


def _resolve_positions(item: Item, length: int, axis: str) -> NDArray[np.int64] | int:
    """An int or array item as checked, non-negative positions on an axis of `length`."""
    if isinstance(item, int):
        if not -length <= item < length:
            raise SampleIndexError(f"{axis} {item} is out of range: there are {length}.", _describe_valid(length))
        return item % length
    item = np.asarray(item)
    if item.dtype == bool:
        if len(item) != length:
            raise SampleIndexError(
                f"A mask of {len(item)} does not fit: there are {length}.", "Give one bool for each."
            )
        return np.flatnonzero(item)
    bad = (item < -length) | (item >= length)
    if bad.any():
        raise SampleIndexError(f"{axis} {item[bad][0]} is out of range: there are {length}.", _describe_valid(length))
    return np.where(item < 0, item + length, item)


def _describe_valid(length: int) -> str:
    return f"Valid are {-length} to {length - 1}." if length else "There is nothing to choose from."


def expand(items: Sequence[Item], ndim: int) -> list[Item]:
    """`items` with the Ellipsis written out, one for each of `ndim` axes beside the Nones.

    Raises:
        SampleIndexError: there are more items than axes.
    """
    used = sum(item is not None and item is not Ellipsis for item in items)
    if used > ndim:
        raise SampleIndexError(f"{used} indices are too many: a sample has {ndim} axes here.", "Leave some out.")
    fill: list[Item] = [WHOLE] * (ndim - used)
    at = next((k for k, one in enumerate(items) if one is Ellipsis), len(items))
    return [*items[:at], *fill, *items[at + 1 :]]


def indexed_shape(shape: Shape, items: Sequence[Item]) -> Shape:
    """The shape of ``array[items]`` for an array of `shape`, by numpy's rules, without an array."""
    basic: list[tuple[int, int]] = []  # place in the index, length
    fancy: list[int] = []
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
            shapes.append(np.shape(_resolve_positions(item, length, f"Index on axis {axis}:")))
        axis += 1
    if not any(shapes):
        return tuple(length for _, length in basic)
    try:
        joined = np.broadcast_shapes(*shapes)
    except ValueError:
        raise SampleIndexError(f"Index arrays of shapes {shapes} do not fit together.", "Give equal lengths.") from None
    adjacent = fancy[-1] - fancy[0] == len(fancy) - 1
    front = sum(place < fancy[0] for place, _ in basic) if adjacent else 0
    lengths = tuple(length for _, length in basic)
    return lengths[:front] + joined + lengths[front:]


@dataclass(frozen=True, eq=False)
class Selection:
    """What is taken of one sample: index expressions applied one after another."""

    steps: tuple[tuple[Item, ...], ...] = ()

    def then(self, items: tuple[Item, ...]) -> Selection:
        """This, and then another index expression."""
        return Selection((*self.steps, items)) if items else self

    def shape(self, full: Shape) -> Shape:
        """The resulting shape for a sample of shape `full`.

        Raises:
            SampleIndexError: it does not fit.
        """
        for items in self.steps:
            full = indexed_shape(full, items)
        return full

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """The selected part of a whole sample."""
        self.shape(array.shape)  # our errors, not numpy's
        for items in self.steps:
            array = array[items]
        return array

    def split_frames(self, full: Shape) -> tuple[NDArray[np.int64], Selection]:
        """Split into which entries of the first axis are needed and what to do with them.

        Args:
            full: The whole sample's shape.

        Returns:
            ``(request, rest)``: positions on the first axis, in order and with repeats as asked; and the selection
            that makes the result from the array of just those entries.

        Raises:
            SampleIndexError: it does not fit the shape.
        """
        self.shape(full)
        request, rest = np.arange(full[0]), Selection()
        shape = full
        for done, items in enumerate(self.steps):
            expanded = expand(items, len(shape))
            lead = next(k for k, one in enumerate(expanded) if one is not None)
            request, mine = _narrow(request, expanded[lead])
            others = expanded[:lead] + expanded[lead + 1 :]
            if np.ndim(mine) == 1 and not any(isinstance(other, (int, np.ndarray)) for other in others):  # type: ignore[arg-type]
                mine = WHOLE  # a list that pairs with nothing: the entries come in its order already
            expanded[lead] = mine
            if any(not _is_whole(one) for one in expanded):
                rest = rest.then(tuple(expanded))
            if lead or not isinstance(mine, slice):  # the first axis is no longer the first
                return request, Selection(rest.steps + self.steps[done + 1 :])
            shape = indexed_shape(shape, items)
            if not _stays_first(expanded):
                return request, Selection(rest.steps + self.steps[done + 1 :])
        return request, rest


def _is_whole(item: Item) -> bool:
    return isinstance(item, slice) and item == WHOLE


def _stays_first(expanded: list[Item]) -> bool:
    """Whether axis 0, taken whole, is still axis 0 of the result: separated index arrays move to the front."""
    fancy = [k for k, one in enumerate(expanded) if isinstance(one, (int, np.ndarray))]
    return not any(isinstance(one, np.ndarray) for one in expanded) or fancy[-1] - fancy[0] == len(fancy) - 1


def _narrow(request: NDArray[np.int64], item: Item) -> tuple[NDArray[np.int64], Item]:
    """The part of `request` that `item` needs, and the item that then gives the same from that part."""
    if isinstance(item, slice):
        return request[item], WHOLE
    places = _resolve_positions(item, len(request), "Frame")
    if isinstance(places, int):
        return request[places : places + 1], 0
    taken = request[places.reshape(-1)]
    if places.ndim == 1:
        return taken, np.arange(len(taken)) if len(taken) else np.zeros(0, np.int64)
    return taken, np.arange(len(taken)).reshape(places.shape)


@dataclass(frozen=True, eq=False)
class Index:
    """Which rows of a tensor, and what of each sample. Immutable; `then` composes.

    Attributes:
        rows: Selectors of the row axis, applied one after another; an int, if any, is the last.
        selection: What is taken of each sample.
        points: With two lists, numpy pairs them: ``points`` selectors of `rows` come before the pairing, and
            `paired` holds, for each index of the pair, what is in its place.
    """

    rows: tuple[Item, ...] = ()
    selection: Selection = Selection()
    paired: tuple[Item, ...] | None = None
    points: int = 0

    @property
    def is_single(self) -> bool:
        """Whether the row axis has been dropped by an int."""
        return bool(self.rows) and isinstance(self.rows[-1], int)

    def then(self, key: object) -> Index:
        """This index, indexed further.

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
        if self.paired is not None or self.selection.steps:
            raise SampleIndexError("Lists for rows and frames can be paired only once.", "Index the array instead.")
        lists = [
            np.flatnonzero(one) if one.dtype == bool else one for one in (row, *rest) if isinstance(one, np.ndarray)
        ]
        try:
            together = iter(np.broadcast_arrays(*lists))
        except ValueError:
            lengths = ", ".join(str(len(one)) for one in lists)
            raise SampleIndexError(
                f"Index lists of lengths {lengths} do not pair.",
                "Give equal lengths, or index twice: t[rows][:, frames].",
            ) from None
        if any(one.ndim != 1 for one in lists):
            raise SampleIndexError("Paired index lists must be one-dimensional.", "Flatten them.")
        rows = (*self.rows, next(together))
        paired = tuple(next(together) if isinstance(item, np.ndarray) else item for item in rest)
        return replace(self, rows=rows, paired=paired, points=len(rows))

    def resolve(self, length: int) -> list[tuple[int, Selection]]:
        """Each chosen row of a tensor of `length` rows with what is taken of it.

        Raises:
            SampleIndexError: a row is out of range.
        """
        if self.paired is None:
            return [(row, self.selection) for row in _choose_rows(range(length), self.rows)]
        chosen = _choose_rows(range(length), self.rows[: self.points])
        places = _choose_rows(range(len(chosen)), self.rows[self.points :])
        return [(chosen[place], self._select_point(place)) for place in places]

    def _select_point(self, place: int) -> Selection:
        items = tuple(int(one[place]) if isinstance(one, np.ndarray) else one for one in self.paired or ())
        return Selection((items, *self.selection.steps))


def _choose_rows(rows: range | list[int], selectors: Sequence[Item]) -> range | list[int]:
    for item in selectors:
        if isinstance(item, slice):
            rows = rows[item]
            continue
        places = _resolve_positions(item, len(rows), "Row")
        rows = [rows[places]] if isinstance(places, int) else [rows[k] for k in places.reshape(-1).tolist()]
    return rows

"""A row that has several samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells.arrays import deliver, stack
from reelbase.cells.cell import ArrayCell, Cell, MissingCell
from reelbase.errors import SampleIndexError, UsageError
from reelbase.io.batch_read import PendingRead, combine
from reelbase.media.pixels import PLANES
from reelbase.selection.indexing import ITEMS, WHOLE, Selection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from reelbase.cells.cell import Shape, Size
    from reelbase.cells.media import MediaCell
    from reelbase.media.stored_link import Pin


@dataclass(frozen=True, eq=False)
class SequenceCell(Cell):
    """Several samples in one row. Its first axis is the axis of items.

    Attributes:
        items: One cell for each item: a `MissingCell` for one that was not annotated.
    """

    items: tuple[Cell, ...]

    @property
    def shape(self) -> Shape:  # noqa: D102
        return (len(self.items), *_common_shape([item.shape for item in _existing(self.items)]))

    @property
    def dtype(self) -> np.dtype[Any]:  # noqa: D102
        dtypes = {item.dtype for item in self.items}
        return dtypes.pop() if len(dtypes) == 1 else np.dtype(object)

    def plain(self) -> list[Any]:  # noqa: D102
        return [item.plain() for item in self.items]

    def stored_items(self, selection: Selection) -> list[NDArray[Any] | None]:  # noqa: D102
        return [item.stored if isinstance(item, ArrayCell) else None for item, _ in self.select(selection)]

    def narrow(self, selection: Selection) -> tuple[Cell, Selection]:  # noqa: D102
        if not selection.steps or not isinstance(selection.steps[0][0], int):
            return self, selection
        first, *later = selection.steps
        positions, _ = Selection((first[:1],)).split_frames((len(self.items),), ITEMS)
        rest = Selection(tuple(later) if len(first) == 1 else (first[1:], *later))
        return self.items[int(positions[0])].narrow(rest)

    def shape_of(self, selection: Selection) -> Shape:  # noqa: D102
        chosen = self.select(selection)
        shapes = [item.shape_of(rest) for item, rest in chosen if not isinstance(item, MissingCell)]
        return (len(chosen), *_common_shape(shapes))

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        if pixels == PLANES and out is not None:
            raise UsageError("pixels='yuv' gives planes as they are: out= cannot be used.", "Leave it out.")

        def join(parts: list[Any]) -> Any:
            return stack(parts) if out is None else deliver(stack(parts), out)

        return combine(
            [item.prepare_array(rest, label, size=size, pixels=pixels) for item, rest in self.select(selection)],
            join,
            label,
        )

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        chosen = self.select(selection)
        reads = [item.prepare_data(rest, label) for item, rest in chosen if not isinstance(item, MissingCell)]

        def place(parts: list[Any]) -> list[Any]:
            values = iter(parts)
            return [None if isinstance(item, MissingCell) else next(values) for item, _ in chosen]

        return combine(reads, place, label)

    def media(self) -> MediaCell:  # noqa: D102
        raise UsageError("This row is a sequence of samples.", "Choose one of them first: view[0].")

    def pins(self) -> tuple[Pin, ...]:  # noqa: D102
        return tuple(pin for item in self.items for pin in item.pins())

    def select(self, selection: Selection) -> list[tuple[Cell, Selection]]:
        """Return the selected items, each with the selection of its own part."""
        if not selection.steps:
            return [(item, selection) for item in self.items]
        if len(selection.steps) > 1:
            raise SampleIndexError("A ragged sequence can be indexed only once.", "Use one pair of brackets.")
        lead, *others = selection.steps[0] if selection.steps[0][0] is not Ellipsis else (WHOLE, *selection.steps[0])
        if not isinstance(lead, (slice, np.ndarray)) or np.ndim(lead) > 1:  # type: ignore[arg-type]
            raise SampleIndexError(
                "The first axis of a ragged sequence counts its items.", "Index it with an int, a slice or a list."
            )
        positions, _ = Selection(((lead,),)).split_frames((len(self.items),), ITEMS)
        rest = Selection().then(tuple(others))
        return [(self.items[position], rest) for position in positions.tolist()]


def _existing(items: Iterable[Cell]) -> list[Cell]:
    return [item for item in items if not isinstance(item, MissingCell)]


def _common_shape(shapes: list[Shape]) -> Shape:
    """Return the shape of the items.

    Axes on which their lengths differ are None. It is empty if the items have different numbers of axes.
    """
    if not shapes or any(len(shape) != len(shapes[0]) for shape in shapes):
        return ()
    return tuple(lengths[0] if len(set(lengths)) == 1 else None for lengths in zip(*shapes, strict=True))

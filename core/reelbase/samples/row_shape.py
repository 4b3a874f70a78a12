"""Whether a row of a tensor holds one item or a sequence of them, and how arrays are packed accordingly."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.cells import ArrayCell, Cell, MissingCell, SequenceCell
from reelbase.contracts.htype import Htype, brief
from reelbase.errors import CorruptObjectError, HtypeError
from reelbase.format.chunk import Form, PackedSample
from reelbase.media.sample import Encode, Sample
from reelbase.selection.value_types import SEQUENCE, ListOf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.selection.value_types import ValueType


class RowShape(ABC):
    """What a row holds: one item, or a sequence of them. Layouts ask it instead of asking which of the two it is."""

    is_sequence: ClassVar[bool]

    @abstractmethod
    def name_htype(self, item: str) -> str:
        """The htype of rows whose items have htype `item`, such as ``sequence[bbox]``."""

    @abstractmethod
    def split(self, value: Any) -> list[Any]:
        """The items of a row's value.

        Raises:
            HtypeError: the value does not hold items.
        """

    @abstractmethod
    def join(self, items: list[Any]) -> Any:
        """The value of a row with these items; the inverse of `split`."""

    @abstractmethod
    def split_view(self, view: Any) -> list[Any]:
        """A view of each item, from a view of the row."""

    @abstractmethod
    def label(self, place: int) -> str:
        """What to put before messages about the item at `place`."""

    @abstractmethod
    def pack(self, arrays: list[NDArray[Any] | None]) -> PackedSample:
        """The stored form of a row's checked arrays; None for an item that was not annotated."""

    @abstractmethod
    def check_many(self, htype: Htype, value: Any) -> NDArray[Any] | None:
        """All items of a row checked at once; None where they must be checked one by one."""

    @abstractmethod
    def make_cell(self, items: tuple[Cell, ...]) -> Cell:
        """The cell of a row with these items."""

    @abstractmethod
    def type_row(self, item: ValueType) -> ValueType:
        """The type of a row in filters, whose items are of type `item`."""

    @abstractmethod
    def unpack(self, packed: PackedSample, dtype: np.dtype[Any], htype: Htype) -> Cell:
        """The cell of a row of arrays, from its stored form."""


class SingleItem(RowShape):
    """A row holds one item."""

    is_sequence: ClassVar[bool] = False

    def name_htype(self, item: str) -> str:  # noqa: D102
        return item

    def split(self, value: Any) -> list[Any]:  # noqa: D102
        return [value]

    def join(self, items: list[Any]) -> Any:  # noqa: D102
        return items[0]

    def split_view(self, view: Any) -> list[Any]:  # noqa: D102
        return [view]

    def label(self, place: int) -> str:  # noqa: D102
        return ""

    def pack(self, arrays: list[NDArray[Any] | None]) -> PackedSample:  # noqa: D102
        (array,) = arrays
        assert array is not None  # noqa: S101 - a row that holds None is not packed
        return PackedSample(Form.ARRAY, array.shape, array.tobytes())

    def check_many(self, htype: Htype, value: Any) -> NDArray[Any] | None:  # noqa: D102
        return None

    def make_cell(self, items: tuple[Cell, ...]) -> Cell:  # noqa: D102
        return items[0]

    def type_row(self, item: ValueType) -> ValueType:  # noqa: D102
        return item

    def unpack(self, packed: PackedSample, dtype: np.dtype[Any], htype: Htype) -> Cell:  # noqa: D102
        return ArrayCell(_as_array(packed.payload, packed.shape, dtype), htype)


class ItemSequence(RowShape):
    """A row holds any number of items."""

    is_sequence: ClassVar[bool] = True

    def name_htype(self, item: str) -> str:  # noqa: D102
        return f"sequence[{item}]"

    def split(self, value: Any) -> list[Any]:  # noqa: D102
        if (
            isinstance(value, (str, bytes, Mapping, Sample, Encode))
            or not isinstance(value, Iterable)
            or (getattr(value, "ndim", 1) == 0)
        ):
            raise HtypeError(f"{brief(value)} is not a sequence.", "Give a list of items: one a frame, say.")
        return list(value)

    def join(self, items: list[Any]) -> Any:  # noqa: D102
        return items

    def split_view(self, view: Any) -> list[Any]:  # noqa: D102
        return [view[place] for place in range(len(view))]

    def label(self, place: int) -> str:  # noqa: D102
        return f"Item {place}: "

    def pack(self, arrays: list[NDArray[Any] | None]) -> PackedSample:  # noqa: D102
        existing = [array for array in arrays if array is not None]
        if len({array.shape for array in existing}) == 1 and len(existing) == len(arrays):
            stack = np.stack(existing)
            return PackedSample(Form.ARRAY, stack.shape, stack.tobytes())
        heads = b"".join(map(_pack_head, arrays))
        body = b"".join(array.tobytes() for array in existing)
        return PackedSample(Form.RAGGED, (len(arrays),), heads + body)

    def check_many(self, htype: Htype, value: Any) -> NDArray[Any] | None:  # noqa: D102
        is_list = isinstance(value, (list, tuple))
        return None if is_list and any(item is None for item in value) else htype.check_many(value)

    def make_cell(self, items: tuple[Cell, ...]) -> Cell:  # noqa: D102
        return SequenceCell(items)

    def type_row(self, item: ValueType) -> ValueType:  # noqa: D102
        return ListOf(item, SEQUENCE)

    def unpack(self, packed: PackedSample, dtype: np.dtype[Any], htype: Htype) -> Cell:  # noqa: D102
        if packed.form == Form.RAGGED:
            return SequenceCell(
                tuple(
                    MissingCell(self.label(place).removesuffix(": ")) if array is None else ArrayCell(array, htype)
                    for place, array in enumerate(_unpack_ragged(packed, dtype))
                )
            )
        stack = _as_array(packed.payload, packed.shape, dtype)
        if type(htype).numpy is Htype.numpy:  # shown as it is stored: no need to take it apart
            return ArrayCell(stack, htype)
        return SequenceCell(tuple(ArrayCell(array, htype) for array in stack))


#: In place of the number of axes: the item is None, which is not the same as an array without values.
_ABSENT: Final = 255
SINGLE_ITEM: Final = SingleItem()
ITEM_SEQUENCE: Final = ItemSequence()


def _as_array(payload: bytes | memoryview, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.frombuffer(payload, dtype).reshape(shape)
    except ValueError as error:
        raise CorruptObjectError(f"A stored array does not add up: {error}.", "Restore it from a copy.") from error


def _pack_head(array: NDArray[Any] | None) -> bytes:
    """Return number and lengths of the axes of one item."""
    return bytes([_ABSENT]) if array is None else struct.pack(f"<B{array.ndim}Q", array.ndim, *array.shape)


def _unpack_ragged(packed: PackedSample, dtype: np.dtype[Any]) -> list[NDArray[Any] | None]:
    payload, at = memoryview(packed.payload), 0
    shapes: list[tuple[int, ...] | None] = []
    try:
        for _ in range(packed.shape[0]):
            ndim = payload[at]
            if ndim == _ABSENT:
                shapes.append(None)
                at += 1
                continue
            shapes.append(struct.unpack_from(f"<{ndim}Q", payload, at + 1))
            at += 1 + 8 * ndim
        arrays: list[NDArray[Any] | None] = []
        for shape in shapes:
            if shape is None:
                arrays.append(None)
                continue
            size = int(np.prod(shape, dtype=np.uint64)) * dtype.itemsize
            arrays.append(_as_array(payload[at : at + size], shape, dtype))
            at += size
    except (IndexError, struct.error) as error:
        raise CorruptObjectError(f"A stored sequence does not add up: {error}.", "Restore it from a copy.") from error
    return arrays

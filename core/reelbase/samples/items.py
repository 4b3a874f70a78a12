"""Whether a row of a tensor holds one item or a sequence of them, and how arrays are packed accordingly."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells import ArrayCell, Cell, SequenceCell
from reelbase.contracts.htype import Htype, brief
from reelbase.errors import CorruptObjectError, HtypeError
from reelbase.format.chunk import Form, Packed
from reelbase.media.sample import Encode, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SingleItem:
    """A row holds one item."""

    @staticmethod
    def values(value: Any) -> list[Any]:
        """The items of a row's value."""
        return [value]

    @staticmethod
    def value(items: list[Any]) -> Any:
        """The value of a row with these items: what `values` takes apart."""
        return items[0]

    @staticmethod
    def views(view: Any) -> list[Any]:
        """Views of the items of a row, from one of the row."""
        return [view]

    @staticmethod
    def label(place: int) -> str:
        """What to call an item in messages."""
        return ""

    @staticmethod
    def pack(arrays: list[NDArray[Any]]) -> Packed:
        """The stored form of a row's checked arrays."""
        return Packed(Form.ARRAY, arrays[0].shape, arrays[0].tobytes())

    @staticmethod
    def stack(htype: Htype, value: Any) -> NDArray[Any] | None:
        """All items checked at once, where that is possible."""
        return None

    @staticmethod
    def cell(items: tuple[Cell, ...]) -> Cell:
        """The cell of a row with these items."""
        return items[0]

    @staticmethod
    def arrays(packed: Packed, dtype: np.dtype[Any], htype: Htype) -> Cell:
        """The cell of a row of arrays."""
        return ArrayCell(_view(packed.payload, packed.shape, dtype), htype)


class ItemSequence(SingleItem):
    """A row holds any number of items."""

    @staticmethod
    def values(value: Any) -> list[Any]:  # noqa: D102
        if isinstance(value, (str, bytes, Mapping, Sample, Encode)) or not isinstance(value, Iterable):
            raise HtypeError(f"{brief(value)} is not a sequence.", "Give a list of items: one a frame, say.")
        return list(value)

    @staticmethod
    def value(items: list[Any]) -> Any:  # noqa: D102
        return items

    @staticmethod
    def views(view: Any) -> list[Any]:  # noqa: D102
        return [view[k] for k in range(len(view))]

    @staticmethod
    def label(place: int) -> str:  # noqa: D102
        return f"Item {place}: "

    @staticmethod
    def pack(arrays: list[NDArray[Any]]) -> Packed:  # noqa: D102
        shapes = {one.shape for one in arrays}
        if len(shapes) == 1:
            stack = np.stack(arrays)
            return Packed(Form.ARRAY, stack.shape, stack.tobytes())
        heads = b"".join(struct.pack(f"<B{one.ndim}Q", one.ndim, *one.shape) for one in arrays)
        body = b"".join(one.tobytes() for one in arrays)
        return Packed(Form.RAGGED, (len(arrays),), heads + body)

    @staticmethod
    def stack(htype: Htype, value: Any) -> NDArray[Any] | None:  # noqa: D102
        return htype.check_many(value)

    @staticmethod
    def cell(items: tuple[Cell, ...]) -> Cell:  # noqa: D102
        return SequenceCell(items)

    @staticmethod
    def arrays(packed: Packed, dtype: np.dtype[Any], htype: Htype) -> Cell:  # noqa: D102
        if packed.form == Form.RAGGED:
            return SequenceCell(tuple(ArrayCell(one, htype) for one in _ragged(packed, dtype)))
        stack = _view(packed.payload, packed.shape, dtype)
        if type(htype).numpy is Htype.numpy:  # shown as it is stored: no need to take it apart
            return ArrayCell(stack, htype)
        return SequenceCell(tuple(ArrayCell(one, htype) for one in stack))


def _view(payload: bytes | memoryview, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.frombuffer(payload, dtype).reshape(shape)
    except ValueError as error:
        raise CorruptObjectError(f"A stored array does not add up: {error}.", "Restore it from a copy.") from error


def _ragged(packed: Packed, dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    payload, at, shapes = memoryview(packed.payload), 0, []
    try:
        for _ in range(packed.shape[0]):
            ndim = payload[at]
            shapes.append(struct.unpack_from(f"<{ndim}Q", payload, at + 1))
            at += 1 + 8 * ndim
        arrays = []
        for shape in shapes:
            size = int(np.prod(shape, dtype=np.uint64)) * dtype.itemsize
            arrays.append(_view(payload[at : at + size], shape, dtype))
            at += size
    except (IndexError, struct.error) as error:
        raise CorruptObjectError(f"A stored sequence does not add up: {error}.", "Restore it from a copy.") from error
    return arrays

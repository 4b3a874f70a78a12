"""How the samples of a tensor are stored in columns: the contract, and plain arrays in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.cells import Cell, MissingCell
from reelbase.contracts.htype import Htype, brief
from reelbase.errors import HtypeError
from reelbase.format.chunk import Form, PackedSample
from reelbase.format.rows import fetch_rows
from reelbase.samples.foreign import Selected, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from reelbase.format.entry import Entries
    from reelbase.format.rows import RowReader
    from reelbase.format.store import Store
    from reelbase.samples.foreign import ForeignItem
    from reelbase.samples.row_shape import RowShape
    from reelbase.selection.value_types import ValueType

Row = Mapping[str, "PackedSample | Entries"]


class Layout(ABC):
    """How the samples of one tensor are stored in columns.

    Args:
        row_shape: Whether a row holds one item or several.
        htype: The htype of one item.

    Attributes:
        holds_files: True if items are encoded files, whether stored or linked.
    """

    holds_files: ClassVar[bool] = True

    def __init__(self, row_shape: RowShape, htype: Htype) -> None:
        self.row_shape = row_shape
        self.htype = htype

    def ahead(self, store: Store, values: Iterator[Any]) -> Iterator[Any]:
        """Yield the values for `write`, in order. Slow work on the next ones may begin while one is written."""
        return values

    @abstractmethod
    def take(self, item: ForeignItem) -> Any:
        """Return an item of another tensor as a value for `write` that has the same meaning.

        Raises:
            HtypeError, UsageError: there is none.
        """

    @abstractmethod
    def write(self, store: Store, value: Any) -> Row:
        """Check a value and store its bytes. Returns what its row holds, by column. None is a missing sample.

        Raises:
            HtypeError, MediaError, UsageError: the tensor cannot hold the value.
        """

    @abstractmethod
    def fetch(self, rows: Sequence[RowReader]) -> None:
        """Fetch what `read` will need of these rows, all of it together."""

    @abstractmethod
    def read(self, row: RowReader, label: str) -> Cell:
        """The sample of a row.

        Args:
            row: Reads the columns of the row.
            label: What messages call it.
        """

    @abstractmethod
    def count_items(self, row: Row) -> int | None:
        """Return the number of items or frames in what `write` returned; None for a missing sample."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of stored arrays; None until the first append sets it."""
        return np.dtype(self.htype.dtype) if self.htype.dtype else None

    @property
    def item_type(self) -> ValueType:
        """The type of an item in filters."""
        return self.htype.file_type()


class ArrayLayout(Layout):
    """Plain arrays of one dtype in the column ``data``."""

    holds_files: ClassVar[bool] = False

    def __init__(self, row_shape: RowShape, htype: Htype, dtype: str | None) -> None:
        super().__init__(row_shape, htype)
        self._dtype = np.dtype(dtype) if dtype else None

    @property
    def dtype(self) -> np.dtype[Any] | None:  # noqa: D102
        return self._dtype

    @property
    def item_type(self) -> ValueType:  # noqa: D102
        return self.htype.value_type(None if self._dtype is None else self._dtype.name)

    def take(self, item: ForeignItem) -> Any:  # noqa: D102
        return item.as_htype(self.htype)

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        if value is None:
            return {}
        is_checked = isinstance(value, list) and any(isinstance(item, Stored) for item in value)
        stack = None if is_checked else self.row_shape.check_many(self.htype, value)
        if stack is not None:
            whole = self._cast(stack)
            return {"data": PackedSample(Form.ARRAY, whole.shape, whole.tobytes())}
        return {
            "data": self.row_shape.pack(
                [self._store_item(place, item) for place, item in enumerate(self.row_shape.split(value))]
            )
        }

    def count_items(self, row: Row) -> int | None:  # noqa: D102
        packed = row.get("data")
        return packed.shape[0] if isinstance(packed, PackedSample) and packed.shape else None

    def _store_item(self, place: int, value: Any) -> NDArray[Any] | None:
        """One item as it is stored, None if it was not annotated; errors say which item they are about."""
        if value is None and self.row_shape.is_sequence:
            return None
        try:
            return self._cast(value.array if isinstance(value, Stored) else self._check(value))
        except HtypeError as error:
            raise type(error)(f"{self.row_shape.label(place)}{error}") from None

    def fetch(self, rows: Sequence[RowReader]) -> None:  # noqa: D102
        fetch_rows(rows, ("data",))

    def read(self, row: RowReader, label: str) -> Cell:  # noqa: D102
        packed = row.read_sample("data")
        if packed.form == Form.MISSING:
            return MissingCell(label)
        # A tensor that holds only empty sequences has no dtype yet.
        return self.row_shape.unpack(packed, self._dtype or np.dtype("f8"), self.htype)

    def _check(self, value: Any) -> NDArray[Any]:
        if isinstance(value, Selected):
            raise HtypeError(
                "Samples of other tensors are appended one by one, or in a list.", "Give a list instead of an array."
            )
        checked = self.htype.check(value)
        if not isinstance(checked, np.ndarray):
            raise HtypeError(
                f"{brief(value)} is an encoded file; this tensor holds arrays.", "Give an array, or use a video tensor."
            )
        return checked

    def _cast(self, array: NDArray[Any]) -> NDArray[Any]:
        if self._dtype is None:
            self._dtype = array.dtype.newbyteorder("=")
        return safe_cast(array, self._dtype)


def safe_cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert `array` to `dtype` if no value changes; rounding between float widths is allowed.

    Raises:
        HtypeError: a value would change.
    """
    if array.dtype == dtype or np.can_cast(array.dtype, dtype, "safe"):
        return np.array(array, dtype, order="C")
    real = array.real if array.dtype.kind == "c" and dtype.kind != "c" else array
    with np.errstate(all="ignore"):
        converted = np.array(real.astype(dtype), order="C")
        lost = _find_lost(real, converted) | (array.imag != 0 if real is not array else False)
    if lost.any():
        raise HtypeError(
            f"{array[lost].flat[0]} ({array.dtype}) does not fit a tensor of dtype {dtype}.",
            f"Convert it yourself (array.astype('{dtype}')) if you accept the loss, or use another tensor.",
        )
    return converted


def _find_lost(array: NDArray[Any], converted: NDArray[Any]) -> NDArray[np.bool_]:
    kinds = {array.dtype.kind, converted.dtype.kind}
    if kinds <= {"f", "c"}:
        return np.asarray(np.isfinite(array) & ~np.isfinite(converted))
    changed = np.asarray(converted.real.astype(array.dtype) != array)
    return np.asarray(changed | ((converted < 0) != (array < 0))) if kinds <= {"i", "u"} else changed

"""How other libraries and Python's own conversions take a view: as an array, or as a number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ArrayLike(ABC):
    """Something that is read as an array: ``np.asarray(view)``, ``torch.as_tensor(view)``, ``float(view)``.

    Each of these reads and decodes the selection, as `numpy` does, into memory that nothing else uses.
    """

    @abstractmethod
    def numpy(self) -> Any:
        """Read and decode the selection."""

    def item(self) -> Any:
        """The selection as a Python number or str, if it is a single value.

        Raises:
            UsageError: it is not a single value.
            MissingSampleError, DamagedMediaError, StorageError: it cannot be read.
        """
        array = self._read_array()
        if array.size != 1:
            raise UsageError(
                f"A selection of shape {array.shape} is not a single value.", "Select one: view[0], or use numpy()."
            )
        return array.item()

    def __float__(self) -> float:
        return float(self._read_number("float"))

    def __int__(self) -> int:
        return int(self._read_number("int"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("A view is decoded into a new array: copy=False is not possible.")
        return np.asarray(self._read_array(), dtype)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """NumPy's array interface protocol, version 3. The array itself is passed as its data, which keeps it alive."""
        array = self._read_array()
        if array.dtype.hasobject:
            raise AttributeError("Texts have no array interface.")
        return {"version": 3, "shape": array.shape, "typestr": array.dtype.str, "data": array}

    def __dlpack__(self, **options: Any) -> Any:
        """The DLPack protocol of the Python array API standard, by which ``torch.as_tensor`` reads."""
        return self._read_array().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return np.zeros(0).__dlpack_device__()

    def _read_array(self) -> NDArray[Any]:
        value = self.numpy()
        if not isinstance(value, np.ndarray):
            raise UsageError(
                f"This selection is a {type(value).__name__}, not one array: its samples have several shapes.",
                "Select one row or item, or scale pictures to one size: view.numpy(size=(height, width)).",
            )
        return value

    def _read_number(self, kind: str) -> Any:
        value = self.item()
        if isinstance(value, (str, bytes)):
            raise UsageError(f"{value!r} is a text, not a number.", f"Convert it by yourself: {kind}(view.item()).")
        return value

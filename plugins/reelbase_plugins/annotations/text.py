"""The htype text: one string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Htype, brief
from reelbase.plugin import Text as TextType

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from reelbase.plugin import ValueType


class Text(Htype):
    """One string, stored as UTF-8.

    ``.numpy()`` returns an array ``(1,)`` of a numpy string dtype, which drops NUL characters at the end. ``.data()``
    returns the ``str`` itself.
    """

    name: ClassVar[str] = "text"
    dtype: ClassVar[str | None] = "uint8"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8",)
    shown: ClassVar[str | None] = "str"
    role: ClassVar[str] = "text"

    def check(self, value: Any) -> NDArray[np.uint8]:
        """Return the UTF-8 bytes ``(n,)`` of a ``str``, or of an array with one string.

        Raises:
            HtypeError: it is not a string, or cannot be encoded as UTF-8.
        """
        text = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        if isinstance(text, (bytes, bytearray)):
            raise HtypeError(f"{brief(value)} is bytes, not text.", "Decode it: value.decode('utf-8').")
        if not isinstance(text, str):
            todo = "Pass a str. Use the htype json for other values, and sequence[text] for a list of strings."
            raise HtypeError(f"{brief(value)} is of type {type(value).__name__}, not text.", todo)
        return encode(text)

    def convert(self, array: NDArray[Any], source: Htype, picture_size: Callable[[], tuple[int, int] | None]) -> Any:
        """Return a string of a json tensor as text.

        Raises:
            HtypeError: it is not a string, or it is a sample of another htype.
        """
        if source.name == "json":
            return self.check(source.data(array))
        return super().convert(array, source, picture_size)

    def numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the string in an array ``(1,)``."""
        return np.array([self.data(array)])

    def plain(self, array: NDArray[Any]) -> str:
        """Return the string."""
        return self.data(array)

    def value_type(self, dtype: str | None) -> ValueType:
        """Return that it is a text."""
        return TextType()

    def data(self, array: NDArray[Any]) -> str:
        """Return the string."""
        return array.tobytes().decode("utf-8")


def encode(text: str) -> NDArray[np.uint8]:
    """Encode a string as UTF-8.

    Raises:
        HtypeError: it contains a lone surrogate.
    """
    try:
        return np.frombuffer(text.encode("utf-8"), np.uint8)
    except UnicodeEncodeError as error:
        where = f"{text[error.start]!r} at position {error.start}"
        todo = "Correct it: text.encode('utf-8', 'surrogateescape') returns the bytes of a badly decoded file name."
        raise HtypeError(f"{brief(text)} contains a lone surrogate, {where}.", todo) from None

"""The htype json: any JSON value."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import AnyValue, Htype, brief

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from reelbase.plugin import ValueType

MAX_NESTING: Final = 200


class Json(Htype):
    """Any JSON value: dict with string keys, list, str, int, float, bool, and None inside them.

    Tuples become lists, and numpy scalars become Python numbers. NaN and infinities are errors, because JSON does not
    have them. ``.numpy()`` returns an object array ``(1,)``; ``.data()`` returns the value itself.
    """

    name: ClassVar[str] = "json"
    dtype: ClassVar[str | None] = "uint8"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8",)
    shown: ClassVar[str | None] = "object"
    role: ClassVar[str] = "text"

    def check(self, value: Any) -> NDArray[np.uint8]:
        """Return the value as compact UTF-8 JSON: bytes ``(n,)``.

        Raises:
            HtypeError: something in it is not JSON (the message has its path), or it has more than 200 levels.
        """
        if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.item()  # the result of `numpy` can be appended again
        plain = _convert(value, "$", 0)
        try:
            text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError as error:  # an int with more digits than Python converts to a string
            raise HtypeError(
                f"This {type(value).__name__} cannot be written as JSON: {error}.", "Store such numbers as text."
            ) from None
        return np.frombuffer(text.encode("utf-8"), np.uint8)

    def convert(self, array: NDArray[Any], source: Htype, picture_size: Callable[[], tuple[int, int] | None]) -> Any:
        """Return text as a JSON string.

        Raises:
            HtypeError: it is a sample of another htype.
        """
        if source.name == "text":
            return self.check(source.data(array))
        return super().convert(array, source, picture_size)

    def numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the value in an object array ``(1,)``."""
        result = np.empty(1, object)
        result[0] = self.data(array)
        return result

    def plain(self, array: NDArray[Any]) -> Any:
        """Return the value."""
        return self.data(array)

    def value_type(self, dtype: str | None) -> ValueType:
        """Return that it may be any value: keys are not known before they are read."""
        return AnyValue()

    def data(self, array: NDArray[Any]) -> Any:
        """Return the value."""
        return json.loads(array.tobytes())


def _convert(value: Any, path: str, depth: int) -> Any:
    """Return the value with tuples replaced by lists, and numpy scalars by Python numbers.

    Raises:
        HtypeError: something in it is not JSON.
    """
    if depth > MAX_NESTING:  # also stops at a value that contains itself
        raise HtypeError(
            f"The value has more than {MAX_NESTING} levels at {path[:60]}…",
            "Flatten it. Does it contain itself?",
        )
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if isinstance(value, dict):
        return {_check_key(key, path): _convert(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_convert(item, f"{path}[{position}]", depth + 1) for position, item in enumerate(value)]
    return _check_leaf(value, path)


def _check_leaf(value: Any, path: str) -> Any:
    if isinstance(value, str):
        return _check_text(value, path)
    if isinstance(value, float) and not math.isfinite(value):
        raise HtypeError(f"{path}: JSON does not have {value}.", "Use None.")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise HtypeError(f"{path}: {brief(value)} is of type {type(value).__name__}, not JSON.", _suggest(value))


def _check_text(value: str, path: str) -> str:
    # Python strings may contain lone surrogates (from file names that are not UTF-8), which UTF-8 cannot represent.
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise HtypeError(f"{path}: {brief(value)} contains a lone surrogate.", "Correct the text.") from None
    return value


def _check_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise HtypeError(f"{path}: the key {brief(key)} is of type {type(key).__name__}.", "JSON keys are strings.")
    return _check_text(key, path)


def _suggest(value: object) -> str:
    if isinstance(value, np.ndarray):
        return "Pass array.tolist(), or store the array in a tensor of its own."
    if isinstance(value, (set, frozenset)):
        return "Pass a sorted list."
    return "Pass dicts, lists, strings, numbers, booleans and None."

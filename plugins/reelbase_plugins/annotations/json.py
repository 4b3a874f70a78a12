"""The htype json: any JSON value."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Htype, brief

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_NESTING: Final = 200


class Json(Htype):
    """Any JSON value: dict with string keys, list, str, int, float, bool, and None inside them.

    Tuples become lists and numpy scalars Python numbers. NaN and infinities are refused: JSON has none.
    ``.numpy()`` is an object array ``(1,)``; ``.data()`` is the value itself.
    """

    name: ClassVar[str] = "json"
    dtype: ClassVar[str | None] = "uint8"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8",)
    shown: ClassVar[str | None] = "object"
    role: ClassVar[str] = "text"

    def check(self, value: Any) -> NDArray[np.uint8]:
        """The value as compact UTF-8 JSON, bytes ``(n,)``.

        Raises:
            HtypeError: it holds something else, named by its path; or more than 200 levels.
        """
        if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.item()  # what `numpy` gives
        plain = _plain(value, "$", 0)
        try:
            text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError as error:  # an int of more digits than Python writes
            raise HtypeError(
                f"{type(value).__name__} value makes no JSON: {error}.", "Store such numbers as text."
            ) from None
        return np.frombuffer(text.encode("utf-8"), np.uint8)

    def numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        """The value in an object array ``(1,)``."""
        shown = np.empty(1, object)
        shown[0] = self.data(array)
        return shown

    def plain(self, array: NDArray[Any]) -> Any:
        """The value."""
        return self.data(array)

    def data(self, array: NDArray[Any]) -> Any:
        """The value."""
        return json.loads(array.tobytes())


def _plain(value: Any, path: str, depth: int) -> Any:
    """The value with tuples and numpy scalars replaced.

    Raises:
        HtypeError: something in it is not JSON.
    """
    if depth > MAX_NESTING:
        raise HtypeError(
            f"The value goes deeper than {MAX_NESTING} levels at {path[:60]}…",
            "Flatten it; does it hold itself?",
        )
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if isinstance(value, dict):
        return {_key(key, path): _plain(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]
    return _leaf(value, path)


def _leaf(value: Any, path: str) -> Any:
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, float) and not math.isfinite(value):
        raise HtypeError(f"{path}: JSON has no {value}.", "Use None.")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise HtypeError(f"{path}: {brief(value)} is a {type(value).__name__}, not JSON.", _advice(value))


def _text(value: str, path: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise HtypeError(f"{path}: {brief(value)} holds a lone surrogate.", "Mend the text.") from None
    return value


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise HtypeError(f"{path}: the key {brief(key)} is a {type(key).__name__}.", "JSON keys are strings.")
    return _text(key, path)


def _advice(value: object) -> str:
    if isinstance(value, np.ndarray):
        return "Give array.tolist(), or a tensor of its own for it."
    if isinstance(value, (set, frozenset)):
        return "Give a sorted list."
    return "Give dicts, lists, strings, numbers, booleans and None."

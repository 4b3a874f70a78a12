"""Shapes that the JSON of a dataset must have.

A dataset may come from a stranger, so its JSON is checked before any of it is used. A shape is a function that returns
True if a value fits. Shapes are combined: ``many(exactly(uid, count))`` is a list of pairs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from reelbase.format.keys import MAX_SEQ, is_name

Shape = Callable[[Any], bool]

MAX_COUNT: Final = 1 << 62
_YEAR_10000_SECONDS: Final = 253_402_300_800  # since 1970
_PLAIN_DTYPE_KINDS: Final = "biufcSUmM"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UID: Final = re.compile("[0-9a-f]{32}")


def text(value: Any) -> bool:
    """A string that can be encoded as UTF-8."""
    # JSON can spell lone surrogates, which cannot be encoded.
    return isinstance(value, str) and (value.isascii() or _SURROGATE.search(value) is None)


def flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def count(value: Any) -> bool:
    """An integer from 0 to below 2**62."""
    # In Python, True is an int.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT


def whole(value: Any) -> bool:
    """An integer, positive or negative, of magnitude below 2**62."""
    return isinstance(value, int) and not isinstance(value, bool) and -MAX_COUNT < value < MAX_COUNT


def number(value: Any) -> bool:
    """A finite number."""
    return whole(value) or (isinstance(value, float) and math.isfinite(value))


def moment(value: Any) -> bool:
    """Seconds since 1970, before the year 10000, which is as far as `datetime` goes."""
    return number(value) and 0 <= value < _YEAR_10000_SECONDS


def dtype(value: Any) -> bool:
    """The name of a numpy dtype of plain values: numbers, strings, booleans or times."""
    try:
        return text(value) and np.dtype(value).kind in _PLAIN_DTYPE_KINDS
    except (TypeError, ValueError, SyntaxError):
        return False


def uid(value: Any) -> bool:
    """The id of an object: 32 hexadecimal digits."""
    return isinstance(value, str) and _UID.fullmatch(value) is not None


def branch(value: Any) -> bool:
    """The name of a branch."""
    return text(value) and is_name(value)


def seq(value: Any) -> bool:
    """The number of a commit."""
    return count(value) and value <= MAX_SEQ


def anything(value: Any) -> bool:
    """Any JSON value."""
    return True


def maybe(inner: Shape) -> Shape:
    """Null, or a value that fits `inner`."""
    return lambda value: value is None or inner(value)


def many(inner: Shape) -> Shape:
    """A list whose items all fit `inner`."""
    return lambda value: isinstance(value, list) and all(map(inner, value))


def exactly(*inner: Shape) -> Shape:
    """A list with one item for each of `inner`, which fits it."""
    return lambda value: (
        isinstance(value, list)
        and len(value) == len(inner)
        and all(fits(item) for fits, item in zip(inner, value, strict=True))
    )


def mapping(inner: Shape) -> Shape:
    """An object with any keys, whose values all fit `inner`."""
    return lambda value: isinstance(value, dict) and all(map(text, value)) and all(map(inner, value.values()))


def fields(_optional: bool = False, **inner: Shape) -> Shape:
    """An object with the given keys, whose values fit. Other keys are ignored.

    Args:
        _optional: True if keys may be absent.
        **inner: The shape of each key's value.
    """
    return lambda value: (
        isinstance(value, dict)
        and (_optional or inner.keys() <= value.keys())
        and all(fits(value[name]) for name, fits in inner.items() if name in value)
    )


def both(*inner: Shape) -> Shape:
    """A value that fits all of `inner`."""
    return lambda value: all(fits(value) for fits in inner)


def one_of(*inner: Shape) -> Shape:
    """A value that fits at least one of `inner`."""
    return lambda value: any(fits(value) for fits in inner)


def check(value: dict[str, Any], **inner: Shape) -> None:
    """Check values of an object. Other keys are ignored.

    Args:
        value: The object.
        **inner: The shape of each key's value.

    Raises:
        ValueError: a value is absent or does not fit. The message names it.
    """
    for name, fits in inner.items():
        if name not in value or not fits(value[name]):
            raise ValueError(f"its {name!r} is missing or malformed")

"""What JSON of a dataset may look like. It may come from a stranger: what does not fit is found before it is used.

A shape is a function of a value that says whether it fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from reelbase.format.keys import MAX_SEQ, is_name

Shape = Callable[[Any], bool]

MAX_COUNT: Final = 1 << 62
_YEAR_10000_SECONDS: Final = 253402300800
_PLAIN_DTYPE_KINDS: Final = "biufcSUmM"


def text(value: Any) -> bool:
    """A string, and one that can be written down."""
    return isinstance(value, str) and not any("\ud800" <= item <= "\udfff" for item in value)


def flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def count(value: Any) -> bool:
    """A whole number from 0 up."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT


def whole(value: Any) -> bool:
    """A whole number."""
    return isinstance(value, int) and not isinstance(value, bool) and -MAX_COUNT < value < MAX_COUNT


def number(value: Any) -> bool:
    """A finite number."""
    return whole(value) or (isinstance(value, float) and math.isfinite(value))


def moment(value: Any) -> bool:
    """Seconds since 1970, before the year 10000."""
    return number(value) and 0 <= value < _YEAR_10000_SECONDS


def dtype(value: Any) -> bool:
    """The name of a dtype of plain values."""
    try:
        return text(value) and np.dtype(value).kind in _PLAIN_DTYPE_KINDS
    except (TypeError, ValueError, SyntaxError):
        return False


def uid(value: Any) -> bool:
    """The id of an object, in hex."""
    return text(value) and len(value) == 32 and all(item in "0123456789abcdef" for item in value)


def branch(value: Any) -> bool:
    """The name of a branch."""
    return text(value) and is_name(value)


def seq(value: Any) -> bool:
    """The number of a commit."""
    return count(value) and value <= MAX_SEQ


def anything(value: Any) -> bool:
    """Whatever JSON has."""
    return True


def maybe(inner: Shape) -> Shape:
    """Null, or what fits `inner`."""
    return lambda value: value is None or inner(value)


def many(inner: Shape) -> Shape:
    """A list."""
    return lambda value: isinstance(value, list) and all(map(inner, value))


def exactly(*inner: Shape) -> Shape:
    """A list of just these."""
    return lambda value: (
        isinstance(value, list)
        and len(value) == len(inner)
        and all(fits(one) for fits, one in zip(inner, value, strict=True))
    )


def mapping(inner: Shape) -> Shape:
    """An object with any keys."""
    return lambda value: isinstance(value, dict) and all(map(text, value)) and all(map(inner, value.values()))


def fields(_optional: bool = False, **inner: Shape) -> Shape:
    """An object with these keys, and maybe others."""
    return lambda value: (
        isinstance(value, dict)
        and (_optional or inner.keys() <= value.keys())
        and all(fits(value[name]) for name, fits in inner.items() if name in value)
    )


def one_of(*inner: Shape) -> Shape:
    """What fits any."""
    return lambda value: any(fits(value) for fits in inner)


def check(value: dict[str, Any], **inner: Shape) -> None:
    """See that an object's values fit.

    Raises:
        ValueError: one does not; it is named.
    """
    for name, fits in inner.items():
        if name not in value or not fits(value[name]):
            raise ValueError(f"its {name!r} is not what it should be")

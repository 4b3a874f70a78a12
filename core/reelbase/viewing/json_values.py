"""Values as viewers are told them: JSON-able, finite, and no longer than a person reads. Pure."""

from __future__ import annotations

import math
from typing import Any, Final

_LONGEST: Final = 2_000
_WORDS: Final = 8


def jsonable(value: Any) -> Any:
    """With strings as keys, and None for numbers that are none."""
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def bounded(value: Any) -> Any:
    """JSON-able; what is long, as the beginning of its text."""
    value = jsonable(value)
    text = str(value)
    return value if len(text) <= _LONGEST else text[:_LONGEST] + " …"


def words(value: Any) -> str:
    """One line; of a list, its first items, each once."""
    if isinstance(value, list):
        return ", ".join(dict.fromkeys(str(one) for one in value[:_WORDS]))
    return str(value)


def number(value: Any) -> float | None:
    """A single number, also one in lists; None: it is none."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    known = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if known else None

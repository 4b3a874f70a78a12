"""Values for viewers: JSON-able, finite, and no longer than a person reads. Pure."""

from __future__ import annotations

import math
from typing import Any, Final

MAX_VALUE_CHARACTERS: Final = 2_000
MAX_ITEMS_IN_TITLE: Final = 8


def to_json(value: Any) -> Any:
    """The value with strings as keys, and None in place of numbers that JSON lacks (NaN and infinities)."""
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def shorten(value: Any) -> Any:
    """The value JSON-able; a long one is replaced by the beginning of its text."""
    value = to_json(value)
    text = str(value)
    return value if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + " …"


def as_words(value: Any) -> str:
    """The value on one line; for a list its first distinct items. Objects and lists of lists are not words: ""."""
    items = value[:MAX_ITEMS_IN_TITLE] if isinstance(value, list) else [value]
    return ", ".join(dict.fromkeys(str(item) for item in items if item is not None and not _has_parts(item)))


def _has_parts(value: Any) -> bool:
    return isinstance(value, (dict, list))


def as_number(value: Any) -> float | None:
    """A single number, also one inside lists; None for anything else."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    known = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if known else None

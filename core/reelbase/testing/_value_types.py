"""Whether values are of the type that an htype declares for filters."""

from __future__ import annotations

from typing import Any

from reelbase.selection.value_types import (
    AnyValue,
    ArrayOf,
    Boolean,
    ClassName,
    ListOf,
    Number,
    Record,
    Text,
    ValueType,
)


def find_misfit(value: Any, wanted: ValueType) -> str:
    """Return why a value is not of a type; "" if it is, or is missing."""
    if value is None or isinstance(wanted, AnyValue):
        return ""
    if isinstance(wanted, ArrayOf):
        inner = wanted if isinstance(value, list) else wanted.item
        items = value if isinstance(value, list) else [value]
        return next(filter(None, (find_misfit(item, inner) for item in items)), "")
    if isinstance(wanted, ListOf):
        if not isinstance(value, list):
            return f"{value!r} is not a list"
        return next(filter(None, (find_misfit(item, wanted.item) for item in value)), "")
    if isinstance(wanted, Record):
        return _find_misfit_in_record(value, wanted)
    return "" if _is_of(value, wanted) else f"{value!r} is not {wanted.word or wanted!r}"


def _find_misfit_in_record(value: Any, wanted: Record) -> str:
    if wanted.numbers:
        is_right = isinstance(value, list) and len(value) == wanted.numbers
        if not is_right or not all(_is_of(item, Number()) for item in value):
            return f"{value!r} is not a list of {wanted.numbers} numbers"
    elif not isinstance(value, dict):
        return f"{value!r} is not {wanted.word}"
    for name, field in wanted.fields.items():
        found = (value.get(name) if isinstance(value, dict) else None) if field.get is None else field.get(value)
        if misfit := find_misfit(found, field.type):
            return f"field {name!r}: {misfit}"
    return ""


def _is_of(value: Any, wanted: ValueType) -> bool:
    match wanted:
        case Number():
            return isinstance(value, (int, float, complex)) and not isinstance(value, bool)
        case Boolean():
            return isinstance(value, bool)
        case ClassName():
            return value in wanted.names
        case Text():
            return isinstance(value, str)
    return False

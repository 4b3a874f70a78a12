"""A table of the configuration as a typed object: of a storage, of a credential provider."""

from __future__ import annotations

import re
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reelbase.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Table = TypeVar("Table")
Given = TypeVar("Given")

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


def parsed(table: type[Table], options: Mapping[str, Any], place: str) -> Table:
    """A `table`, a dataclass of ``bool``, ``int``, ``float``, ``str`` and tuple fields, from what a user wrote.

    Args:
        table: Its fields are the options there are, each with the type of its default (None: a string).
        options: By name; strings are taken for what they spell, since variables of the environment hold nothing else.
        place: Where the table stands, such as "storage.s3", for messages.

    Raises:
        ConfigError: there is no such option, or its value is of another kind.
    """
    known = {field.name: field.default for field in fields(table)}  # type: ignore[arg-type]
    values = {}
    for name, value in options.items():
        if name not in known:
            raise _unknown(name, known, place)
        try:
            values[name] = _as(known[name], value)
        except ValueError as error:
            raise ConfigError(
                f"{place}.{name} is {value!r}, not {error}.", "Mend the configuration or the argument."
            ) from None
    return table(**values)


def _unknown(name: str, known: Mapping[str, Any], place: str) -> ConfigError:
    near = get_close_matches(name, known, 1)
    todo = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(known))}."
    return ConfigError(f"{place} has no option {name!r}.", todo)


def required(value: Given | None, name: str) -> Given:
    """An option that must be there.

    Raises:
        ConfigError: it is not.
    """
    if not value:
        raise ConfigError(f"{name} is not set.", "Set it in the configuration.")
    return value


def _as(default: Any, value: Any) -> Any:
    return _PARSERS[type(default)](value)


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("true or false")
    return word in _TRUE


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[1-9]\d{0,8}", str(value).strip()):
        raise ValueError("a whole number from 1 up")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}(\.\d*)?", str(value).strip()) or float(value) <= 0:
        raise ValueError("a number above 0")
    return float(value)


def _texts(value: Any) -> tuple[str, ...]:
    found = value.split() if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(item, str) for item in found):
        raise ValueError("a list of strings")
    return tuple(found)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a string")
    return value.strip()


_PARSERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    bool: _flag,
    int: _whole,
    float: _number,
    str: _text,
    tuple: _texts,
    type(None): _text,
}

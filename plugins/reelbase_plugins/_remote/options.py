"""A storage's table of the configuration as a typed object."""

from __future__ import annotations

import re
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reelbase.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Table = TypeVar("Table")

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


def parsed(table: type[Table], options: Mapping[str, Any], storage: str) -> Table:
    """A `table`, which is a dataclass of ``bool``, ``int``, ``float`` and ``str`` fields, from what a user wrote.

    Args:
        table: Its fields are the options there are, each with the type of its default (None: a string).
        options: By name; strings are taken for what they spell, since variables of the environment hold nothing else.
        storage: The name of the plugin, for messages.

    Raises:
        ConfigError: there is no such option, or its value is of another kind.
    """
    known = {one.name: one.default for one in fields(table)}  # type: ignore[arg-type]
    values = {}
    for name, value in options.items():
        if name not in known:
            raise _unknown(name, known, storage)
        try:
            values[name] = _as(known[name], value)
        except ValueError as error:
            raise ConfigError(
                f"storage.{storage}.{name} is {value!r}, not {error}.", "Mend the configuration or the argument."
            ) from None
    return table(**values)


def _unknown(name: str, known: Mapping[str, Any], storage: str) -> ConfigError:
    near = get_close_matches(name, known, 1)
    todo = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(known))}."
    return ConfigError(f"The storage {storage!r} has no option {name!r}.", todo)


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


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a string")
    return value.strip()


_PARSERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    bool: _flag,
    int: _whole,
    float: _number,
    str: _text,
    type(None): _text,
}

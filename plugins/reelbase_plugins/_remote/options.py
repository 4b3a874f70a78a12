"""Parsing of a table of the configuration (of a storage or a credential provider) into a dataclass."""

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


def parse_options(table: type[Table], options: Mapping[str, Any], place: str) -> Table:
    """Parse the options that a user wrote.

    Args:
        table: Dataclass of the known options. The default of a field gives its type: ``bool``, ``int``, ``float``,
            ``str`` or ``tuple``; None stands for a string.
        options: Values by name. Strings are parsed, because environment variables only hold strings.
        place: Name of the table in the configuration, such as "storage.s3", for messages.

    Raises:
        ConfigError: an option is unknown, or its value has the wrong type.
    """
    known = {field.name: field.default for field in fields(table)}  # type: ignore[arg-type]
    values = {}
    for name, value in options.items():
        if name not in known:
            raise _make_unknown_option_error(name, known, place)
        try:
            values[name] = _parse_value(known[name], value)
        except ValueError as error:
            raise ConfigError(
                f"{place}.{name} is {value!r}, not {error}.", "Correct the configuration or the argument."
            ) from None
    return table(**values)


def _make_unknown_option_error(name: str, known: Mapping[str, Any], place: str) -> ConfigError:
    near = get_close_matches(name, known, 1)
    todo = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(known))}."
    return ConfigError(f"{place} has no option {name!r}.", todo)


def require_option(value: Given | None, name: str) -> Given:
    """Return the value of an option that must be set.

    Args:
        value: Value of the option.
        name: Full name of the option, for messages.

    Raises:
        ConfigError: the option is not set.
    """
    if not value:
        raise ConfigError(f"{name} is not set.", "Set it in the configuration.")
    return value


def _parse_value(default: Any, value: Any) -> Any:
    return _PARSERS[type(default)](value)


def _parse_bool(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("true or false")
    return word in _TRUE


def _parse_int(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[1-9]\d{0,8}", str(value).strip()):
        raise ValueError("a whole number from 1 up")
    return int(value)


def _parse_float(value: Any) -> float:
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}(\.\d*)?", str(value).strip()) or float(value) <= 0:
        raise ValueError("a number above 0")
    return float(value)


def _parse_strings(value: Any) -> tuple[str, ...]:
    found = value.split() if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(item, str) for item in found):
        raise ValueError("a list of strings")
    return tuple(found)


def _parse_string(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a string")
    return value.strip()


_PARSERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    bool: _parse_bool,
    int: _parse_int,
    float: _parse_float,
    str: _parse_string,
    tuple: _parse_strings,
    type(None): _parse_string,
}

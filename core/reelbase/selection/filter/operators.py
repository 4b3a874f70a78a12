"""What operators do with two values, neither of which is missing."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

from reelbase.selection.value_types import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SYMBOLS: Final[Mapping[type[ast.AST], str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
}  # fmt: skip
EQUALITY: Final = (ast.Eq, ast.NotEq)
COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CALCULATE: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def comparison(op: type[ast.cmpop], family: str) -> Callable[[Any, Any], bool | None]:
    """Return the function for a comparison of values of a family; see `ValueType.family`."""
    function = COMPARE[op]
    if family == "number":
        return function
    if family == "text":
        return lambda a, b: function(normalize(a), normalize(b))

    def compare(a: Any, b: Any) -> bool | None:
        try:
            return bool(function(normalize_all(a), normalize_all(b)))
        except TypeError:  # two JSON values of different types have no order
            return None

    return compare


def calculation(op: type[ast.operator]) -> Callable[[Any, Any], Any]:
    """Return the function for an arithmetic operator. It returns None if there is no result, as of ``1 / 0``."""
    function = CALCULATE[op]

    def calculate(a: Any, b: Any) -> Any:
        if isinstance(a, (str, list)) or isinstance(b, (str, list)):  # in JSON; Python would repeat or join them
            return None
        try:
            return function(a, b)
        except (ArithmeticError, TypeError):
            return None

    return calculate


def negate(value: Any) -> Any:
    """Return a number with the other sign; None for a JSON value that is not a number."""
    return -value if isinstance(value, (int, float, complex)) else None


def contains(part: Any, whole: Any) -> bool | None:
    """Return whether a string is part of another; None for JSON values that contain nothing."""
    if isinstance(whole, str):
        return normalize(part) in normalize(whole) if isinstance(part, str) else None
    return normalize(part) in map(normalize, whole) if isinstance(whole, dict) else None


def normalize_all(value: Any) -> Any:
    """Return a value with all strings in Unicode normal form C."""
    if isinstance(value, list):
        return [normalize_all(item) for item in value]
    return normalize(value)


def get_key(value: Any, key: str) -> Any:
    """Return the value of a key of a JSON value, or of those in a list; None if it has no such key."""
    if isinstance(value, list):
        return [get_key(item, key) for item in value]
    if not isinstance(value, dict):
        return None
    if key in value or key.isascii():
        return value.get(key)
    return next((item for other, item in value.items() if normalize(other) == normalize(key)), None)


def get_item(value: Any, place: int) -> Any:
    """Return the item of a list or string at a position; None if there is none."""
    if not isinstance(value, (list, str)) or not -len(value) <= place < len(value):
        return None
    return value[place]

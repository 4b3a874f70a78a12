"""A small language to choose rows by: ``labels == 'cat' and len(boxes) > 3``. Pure.

It is a part of Python's own expressions (the language reference, 6), and nothing of it is run: the text is parsed,
every node that is not in a short list is refused, and the rest is evaluated here.

Of lists, a comparison asks for any of the items: ``labels == 'cat'`` holds where one of a row's labels is a cat, and
``not labels == 'cat'`` where none is. What is missing, or cannot be compared, does not hold.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST: Final = 2_000
_DEEPEST: Final = 40
_HELP: Final = "Filters compare tensors with values: labels == 'cat' and len(boxes) > 3, videos.fps >= 25."

_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALLS: Final[Mapping[str, Callable[[Any], Any]]] = {"len": len, "min": min, "max": max}


class Filter:
    """An expression, checked.

    Args:
        text: As a user wrote it.

    Attributes:
        text: The same.
        names: Of the tensors that it asks for; ``row`` is the row's number.

    Raises:
        FilterError: it is none; the message says where.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise FilterError(f"A filter is a str of at most {_LONGEST} characters.", _HELP)
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
            raise FilterError(f"{text!r} is no filter: {reason}.", _HELP) from None
        self._tree = tree.body
        self.names = frozenset(_checked(self._tree, text, 0))

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Whether a row is chosen.

        Args:
            values: What its tensors hold, by name: numbers, strings, lists and dicts of such, or None.

        Raises:
            FilterError: there is no tensor of a name.
        """
        return _truth(_value(self._tree, values))


def _checked(node: ast.AST, text: str, depth: int) -> list[str]:
    """The names in an expression that holds nothing but what is allowed.

    Raises:
        FilterError: it does.
    """
    if depth > _DEEPEST:
        raise FilterError(f"{text!r} is nested too deeply.", _HELP)
    match node:
        case ast.Constant(value=str() | int() | float() | None):
            return []
        case ast.Name() | ast.BinOp() if name := _path(node):
            return [name]
        case ast.Attribute(value=value, attr=attr) if not attr.startswith("_"):
            parts: list[ast.expr] = [value]
        case ast.Subscript(value=value, slice=ast.Constant() as key):
            parts = [value, key]
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            parts = [operand]
        case ast.Compare(left=left, comparators=rest):
            parts = [left, *rest]
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _CALLS:
            parts = [argument]
        case _:
            part = ast.get_source_segment(text.strip(), node) or text
            raise FilterError(f"{part!r} cannot stand in a filter.", _HELP)
    return [name for part in parts for name in _checked(part, text, depth + 1)]


def _value(node: ast.AST, values: Mapping[str, Any]) -> Any:  # noqa: C901 - a line for each kind of node
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.BinOp():
            return _named(_path(node), values)
        case ast.Attribute(value=of, attr=key):
            return _part(_value(of, values), key)
        case ast.Subscript(value=of, slice=ast.Constant(value=key)):
            return _part(_value(of, values), key)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, values) for part in parts]
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(_value(part, values)) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_truth(_value(part, values)) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(_value(operand, values))
        case ast.UnaryOp(operand=operand):
            return _attempt(operator.neg, _value(operand, values))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            sides = [_value(side, values) for side in (left, *rest)]
            return all(_holds(op, a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _attempt(_CALLS[name], _value(argument, values))
    raise AssertionError(node)


def _path(node: ast.AST) -> str:
    """The name that ``train/left-eye`` is: nothing is divided here, and nothing taken away; "" if it is none."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.BinOp(left=left, op=ast.Div() | ast.Sub() as op, right=right):
            first, last = _path(left), _path(right)
            return f"{first}{'/' if isinstance(op, ast.Div) else '-'}{last}" if first and last else ""
    return ""


def _named(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise FilterError(f"There is no tensor {name!r} to filter by.", f"There are: {', '.join(values) or 'none'}.")
    return values[name]


def _part(value: Any, key: Any) -> Any:
    """What stands under a key, or at a place; None: nothing does."""
    try:
        return value[key]
    except (LookupError, TypeError):
        return None


def _attempt(call: Callable[[Any], Any], value: Any) -> Any:
    try:
        return call(value)
    except (TypeError, ValueError):
        return None


def _holds(op: ast.cmpop, a: Any, b: Any) -> bool:
    if isinstance(op, (ast.In, ast.NotIn)):
        found = _attempt(lambda within: a in within, b)
        return found is isinstance(op, ast.In)
    if isinstance(op, (ast.Is, ast.IsNot)):
        return (a is b) is isinstance(op, ast.Is)
    if isinstance(a, list) and not isinstance(b, list):
        return any(_holds(op, item, b) for item in a)
    if isinstance(b, list) and not isinstance(a, list):
        return any(_holds(op, a, item) for item in b)
    try:
        return bool(_COMPARE[type(op)](a, b))
    except TypeError:
        return False


def _truth(value: Any) -> bool:
    return bool(value)

"""Filter expressions, which select rows: ``labels == 'cat' and len(boxes) > 3``.

They are a subset of Python's expressions (the language reference, 6). Nothing is executed: the text is parsed, every
node that is not on a short list is refused, and the rest is evaluated here.

A comparison with a list is true if it is true for any item. So ``labels == 'cat'`` selects rows with at least one cat,
and ``not labels == 'cat'`` rows without a cat. A comparison with a missing or incomparable value is false.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_CHARACTERS: Final = 2_000
MAX_DEPTH: Final = 40  #: levels of nesting; much deeper expressions would overflow the stack
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
    """A filter expression that has been checked.

    Args:
        text: The expression as the user wrote it.

    Attributes:
        text: The expression as the user wrote it.
        names: Names of the tensors in the expression. ``row`` is the row number.

    Raises:
        FilterError: the text is not a valid filter. The message quotes the part that is wrong.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise FilterError(f"A filter is a str of at most {MAX_CHARACTERS} characters.", _HELP)
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
            raise FilterError(f"{text!r} is not a filter: {reason}.", _HELP) from None
        self._tree = tree.body
        self.names = frozenset(_check(self._tree, text, 0))

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return True if the expression is true for a row.

        Args:
            values: The row's values by tensor name: numbers, strings, lists and dicts of these, or None.

        Raises:
            FilterError: the expression names a tensor that does not exist.
        """
        return bool(_evaluate(self._tree, values))


def _check(node: ast.AST, text: str, depth: int) -> list[str]:
    """Return the tensor names in an expression, after checking that all its parts are allowed.

    Raises:
        FilterError: a part is not allowed.
    """
    if depth > MAX_DEPTH:
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
            raise FilterError(f"{part!r} is not allowed in a filter.", _HELP)
    return [name for part in parts for name in _check(part, text, depth + 1)]


def _evaluate(node: ast.AST, values: Mapping[str, Any]) -> Any:  # noqa: C901 - a line for each kind of node
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.BinOp():
            return _look_up(_path(node), values)
        case ast.Attribute(value=container, attr=key):  # a key of a dict; Python attributes are never read
            return _get_item(_evaluate(container, values), key)
        case ast.Subscript(value=container, slice=ast.Constant(value=key)):
            return _get_item(_evaluate(container, values), key)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_evaluate(part, values) for part in parts]
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(bool(_evaluate(part, values)) for part in parts)
        case ast.BoolOp(values=parts):
            return any(bool(_evaluate(part, values)) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not bool(_evaluate(operand, values))
        case ast.UnaryOp(operand=operand):
            return _attempt(operator.neg, _evaluate(operand, values))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            sides = [_evaluate(side, values) for side in (left, *rest)]
            return all(_compare(op, a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _attempt(_CALLS[name], _evaluate(argument, values))
    raise AssertionError(node)


def _path(node: ast.AST) -> str:
    """Return the tensor name that an expression spells, or "" if it spells none.

    Names may contain "/" and "-", so ``train/left-eye`` is parsed as a division and a subtraction of names.
    """
    match node:
        case ast.Name(id=name):
            return name
        case ast.BinOp(left=left, op=ast.Div() | ast.Sub() as op, right=right):
            first, last = _path(left), _path(right)
            return f"{first}{'/' if isinstance(op, ast.Div) else '-'}{last}" if first and last else ""
    return ""


def _look_up(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise FilterError(f"There is no tensor {name!r} to filter by.", f"There are: {', '.join(values) or 'none'}.")
    return values[name]


def _get_item(value: Any, key: Any) -> Any:
    """Return the item at a key or position, or None if there is none."""
    try:
        return value[key]
    except (LookupError, TypeError):
        return None


def _attempt(call: Callable[[Any], Any], value: Any) -> Any:
    """Return the result of `call`, or None if it does not work for the value."""
    try:
        return call(value)
    except (TypeError, ValueError):
        return None


def _compare(op: ast.cmpop, a: Any, b: Any) -> bool:
    """Return the result of one comparison. What cannot be compared is false."""
    if isinstance(op, (ast.In, ast.NotIn)):
        is_in = _attempt(
            lambda container: a in container, b
        )  # None if `b` contains nothing at all: then both are false
        return is_in is isinstance(op, ast.In)
    if isinstance(op, (ast.Is, ast.IsNot)):
        return (a is b) is isinstance(op, ast.Is)
    # A list matches if any of its items does. Two lists are compared as a whole.
    if isinstance(a, list) and not isinstance(b, list):
        return any(_compare(op, item, b) for item in a)
    if isinstance(b, list) and not isinstance(a, list):
        return any(_compare(op, a, item) for item in b)
    try:
        return bool(_COMPARE[type(op)](a, b))
    except TypeError:
        return False

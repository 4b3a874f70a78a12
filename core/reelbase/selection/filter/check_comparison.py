"""Checks one comparison, and makes its node."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelbase.errors import FilterError
from reelbase.selection.filter.operators import EQUALITY, SYMBOLS, comparison, contains
from reelbase.selection.filter.text import HELP
from reelbase.selection.filter.tree import Condition, Constant, EachPair, EqualsList, IsMissing, IsOneOf, Node
from reelbase.selection.filter.types import describe, is_list, join_axes
from reelbase.selection.value_types import ClassName, Record, Text, nest

if TYPE_CHECKING:
    from collections.abc import Callable


def check_comparison(op: ast.cmpop, left: Node, right: Node, label: str, *, each: bool) -> Node:
    """Return the tree of a comparison of two values. It has a result for each item.

    Args:
        op: The operator.
        left: What is before it.
        right: What is after it.
        label: The comparison as the user wrote it.
        each: Whether it is inside ``any``, ``all`` or ``count``, which are about items.

    Raises:
        FilterError: the values cannot be compared.
    """
    if isinstance(op, ast.Is | ast.IsNot):
        return _compare_with_none(op, left, right, label, each=each)
    for side in (left, right):
        if isinstance(side, Constant) and side.value is None:
            raise FilterError(f"{label}: comparisons with None are false.", "Write `is None` or `is not None`.")
    if isinstance(op, ast.In | ast.NotIn):
        return _look_in(op, left, right, label)
    _check_families(left, right, label, is_order=not isinstance(op, EQUALITY))
    left, right = _adapt(left, right), _adapt(right, left)
    if _is_list_constant(left) or _is_list_constant(right):
        return _compare_with_list(op, left, right, label)
    if not each and is_list(left.type) and is_list(right.type):
        raise FilterError(
            f"{label} compares two lists item by item.", f"Write any({label}), all({label}) or count({label})."
        )
    return _pair(type(op), left, right, label, comparison(type(op), _family(left, right)))


def _compare_with_none(op: ast.cmpop, left: Node, right: Node, label: str, *, each: bool) -> Node:
    if not (isinstance(right, Constant) and right.value is None) or isinstance(left, Constant):
        raise FilterError(
            f"{label!r} is not allowed in a filter.", "`is` is for `is None` and `is not None`; else use ==."
        )
    typed = nest(left.type.axes, Condition()) if each else Condition()
    return IsMissing(type=typed, label=label, of=left, each=each, is_negated=isinstance(op, ast.IsNot))


def _look_in(op: ast.cmpop, left: Node, right: Node, label: str) -> Node:
    is_negated, leaf = isinstance(op, ast.NotIn), right.type.leaf
    if not right.type.axes and not isinstance(leaf, Text):
        raise FilterError(f"{label}: {right.label} is {leaf.word}, not a list or text.", HELP)
    if _is_list_constant(left) or (right.type.depth > 1 and isinstance(right, Constant)):
        raise FilterError(f"{label} looks for a list in a list.", "Compare with it: boxes == [1, 2, 3, 4].")
    _check_families(left, right, label, is_order=False)
    left, right = _adapt(left, right), _adapt(right, left)
    if isinstance(leaf, Text) and not isinstance(right, Constant):
        return _pair(type(op), left, right, label, lambda part, whole: contains(part, whole) is not is_negated)
    typed = nest(left.type.axes, Condition())
    return IsOneOf(type=typed, label=label, left=left, right=right, is_negated=is_negated)


def _pair(op: type[ast.cmpop], left: Node, right: Node, label: str, function: Callable[[Any, Any], Any]) -> Node:
    typed = nest(join_axes(left, right), Condition())
    return EachPair(type=typed, label=label, left=left, right=right, operator=SYMBOLS[op], function=function)


def _compare_with_list(op: ast.cmpop, left: Node, right: Node, label: str) -> Node:
    of, wanted = (right, left) if _is_list_constant(left) else (left, right)
    if not isinstance(op, EQUALITY) or not isinstance(wanted, Constant) or isinstance(of, Constant):
        raise FilterError(f"{label}: lists have no order.", "A list can be compared with == and !=.")
    levels, depth = wanted.type.depth, of.type.depth
    if levels < 1:
        raise FilterError(f"{label}: an empty list may mean several things.", f"Write count({of.label}) == 0.")
    numbers = of.type.leaf.numbers if isinstance(of.type.leaf, Record) else 0
    if 0 <= depth + bool(numbers) < levels:
        raise FilterError(f"{label}: {of.label} is {describe(of)}, not such a list.", HELP)
    axes = of.type.axes if depth < 0 else of.type.axes[: depth + bool(numbers) - levels]
    typed = nest(axes, Condition())
    is_negated = isinstance(op, ast.NotEq)
    return EqualsList(type=typed, label=label, of=of, wanted=wanted.value, levels=levels, is_negated=is_negated)


def _is_list_constant(node: Node) -> bool:
    return isinstance(node, Constant) and isinstance(node.value, list)


def _family(left: Node, right: Node) -> str:
    families = {left.type.leaf.family, right.type.leaf.family}
    return families.pop() if len(families) == 1 else "any"


def _adapt(node: Node, other: Node) -> Node:
    """Return a constant as it is compared with values of the other side; any other node unchanged."""
    if not isinstance(node, Constant):
        return node

    def adapt(value: Any) -> Any:
        return [adapt(item) for item in value] if isinstance(value, list) else other.type.leaf.adapt(value, other.label)

    return replace(node, value=adapt(node.value))


def _check_families(left: Node, right: Node, label: str, *, is_order: bool) -> None:
    """Raise FilterError if values of the two sides cannot be compared."""
    a, b = left.type.leaf, right.type.leaf
    if is_order:
        for side in (left, right):
            if not side.type.leaf.is_ordered:
                raise FilterError(f"{label}: {side.label} is {describe(side)}, without an order.", "Use == or !=.")
    for node, leaf, other, wanted in ((left, a, right, b), (right, b, left, a)):
        if isinstance(leaf, Record) and not (leaf.numbers and _is_list_constant(other)):
            field = f"{node.label}.{next(iter(leaf.fields))}"
            raise FilterError(
                f"{label}: {node.label} is {describe(node)}.", f"Compare one of its fields, such as {field}."
            )
        if isinstance(leaf, Record) and wanted.family not in ("number", "any"):
            raise FilterError(f"{label}: {node.label} is {describe(node)}, and {other.label} {describe(other)}.", HELP)
    if isinstance(a, Record) or isinstance(b, Record) or "any" in (a.family, b.family) or a.family == b.family:
        return
    if _is_class_id(left, right) or _is_class_id(right, left):
        return
    raise FilterError(
        f"{label}: {left.label} is {describe(left)}, and {right.label} is {describe(right)}. They cannot be compared.",
        HELP,
    )


def _is_class_id(node: Node, other: Node) -> bool:
    """Return True for integers that are compared with class names."""
    if not isinstance(other.type.leaf, ClassName) or not isinstance(node, Constant):
        return False
    values = node.value if isinstance(node.value, list) else [node.value]
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)

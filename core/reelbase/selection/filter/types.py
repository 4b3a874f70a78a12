"""Types of constants, of items, and of what two operands lead to."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from reelbase.errors import FilterError
from reelbase.selection.value_types import (
    ANY_DEPTH,
    AnyValue,
    ArrayOf,
    Boolean,
    ListOf,
    Number,
    Record,
    Text,
    ValueType,
)

if TYPE_CHECKING:
    from reelbase.selection.filter.tree import Node

_CONSTANT = "constant"  #: the axis of a list in the expression
_SAID = {"items": "a list of items", "sequence": "a sequence"}


def type_of_constant(value: Any, label: str) -> ValueType:
    """Return the type of a constant or a list of constants.

    Raises:
        FilterError: the items of a list are of different types, or in different numbers of lists.
    """
    if isinstance(value, list):
        types = [type_of_constant(item, label) for item in value]
        if any(other.axes != types[0].axes or other.leaf.family != types[0].leaf.family for other in types):
            raise FilterError(
                f"{label} has items of different types.", "Compare with each of them: a == 1 or a == 'b'."
            )
        return ListOf(types[0] if types else AnyValue(), _CONSTANT)
    return Boolean() if isinstance(value, bool) else Text() if isinstance(value, str) else Number()


def type_of_item(given: ValueType) -> ValueType | None:
    """Return the type of one item of a list; None if a value is not a list."""
    if isinstance(given, ListOf):
        return given.item
    if isinstance(given, ArrayOf | AnyValue | Text):
        return given
    return given.number if isinstance(given, Record) and given.numbers else None


def join_axes(left: Node, right: Node) -> tuple[str, ...]:
    """Return the axes of what two operands lead to, whose items are paired.

    Raises:
        FilterError: their lists are of different things.
    """
    joined: list[str] = []
    for one_axis, other_axis in zip_longest(left.type.axes, right.type.axes):
        if ANY_DEPTH in (one_axis, other_axis):
            return (*joined, ANY_DEPTH)
        if None not in (one_axis, other_axis) and one_axis != other_axis:
            said = [
                f"{side.label} is {_SAID.get(axis, f'a list of {axis}')}"
                for side, axis in ((left, one_axis), (right, other_axis))
            ]
            raise FilterError(
                f"{said[0]}, and {said[1]}: their items cannot be paired.",
                "Put any(…), all(…) or count(…) around each.",
            )
        joined.append(one_axis or other_axis)
    return tuple(joined)


def describe(node: Node) -> str:
    """Return what messages call the values of a node, such as "a list of class names"."""
    leaf = node.type.leaf
    return f"a list of {leaf.plural}" if node.type.depth > 0 else leaf.word


def is_list(given: ValueType) -> bool:
    """Return True if values are lists for certain."""
    return bool(given.axes) and given.axes[0] != ANY_DEPTH

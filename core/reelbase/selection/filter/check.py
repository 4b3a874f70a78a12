"""Checks an expression against the types of the tensors in it, and makes the tree that is evaluated."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import FilterError
from reelbase.selection.filter.check_comparison import check_comparison
from reelbase.selection.filter.operators import CALCULATE, SYMBOLS, calculation, get_key, negate
from reelbase.selection.filter.text import FUNCTIONS, HELP
from reelbase.selection.filter.tree import (
    AllItems,
    AnyItem,
    Condition,
    Constant,
    Count,
    EachItem,
    EachLogic,
    EachPair,
    IsTrue,
    ItemAt,
    Length,
    Logic,
    Node,
    Not,
    Reduce,
    TensorValue,
)
from reelbase.selection.filter.types import describe, join_axes, type_of_constant, type_of_item
from reelbase.selection.suggestions import suggest
from reelbase.selection.value_types import AnyValue, ArrayOf, Boolean, Number, Record, Text, ValueType, nest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reelbase.selection.filter.text import Source

MAX_DEPTH: Final = 40  #: levels of nesting; much deeper expressions would overflow the stack
_REDUCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {"min": min, "max": max, "sum": sum}


class Checker:
    """Checks one expression.

    Args:
        source: The parsed text.
        type_of: Returns the type of a row of a tensor.
    """

    def __init__(self, source: Source, type_of: Callable[[str], ValueType]) -> None:
        self._source = source
        self._type_of = type_of
        self._depth = 0

    def check_condition(self, node: ast.expr) -> Node:
        """Return the tree of a condition of a row: it is true or false, for a list "true for any item".

        Raises:
            FilterError: a part is not allowed, unknown, not a condition, or cannot be compared.
        """
        label = self._source.quote(node)
        with self._deeper(label):
            match node:
                case ast.BoolOp(op=op, values=parts):
                    checked = tuple(map(self.check_condition, parts))
                    return Logic(type=Condition(), label=label, parts=checked, is_and=isinstance(op, ast.And))
                case ast.UnaryOp(op=ast.Not(), operand=operand):
                    return Not(type=Condition(), label=label, of=self.check_condition(operand))
                case ast.Compare():
                    return AnyItem(type=Condition(), label=label, of=self._compare(node, each=False))
            found = self._check(node)
        if isinstance(found.type, Condition):
            return found
        if isinstance(found.type, AnyValue):
            return IsTrue(type=Condition(), label=label, of=found)
        return AnyItem(type=Condition(), label=label, of=self._require_condition(found))

    def _check_each(self, node: ast.expr) -> Node:
        """Return the tree of a condition inside ``any``, ``all`` or ``count``, which has a result for each item."""
        label = self._source.quote(node)
        with self._deeper(label):
            match node:
                case ast.BoolOp(op=op, values=parts):
                    first, *others = map(self._check_each, parts)
                    for other in others:
                        first = self._join(first, other, label, decides=isinstance(op, ast.Or))
                    return first
                case ast.UnaryOp(op=ast.Not(), operand=operand):
                    inner = self._check_each(operand)
                    return EachItem(
                        type=inner.type, label=label, of=inner, operator="not", function=lambda value: not value
                    )
                case ast.Compare():
                    return self._compare(node, each=True)
            return self._as_conditions(self._check(node))

    def _as_conditions(self, found: Node) -> Node:
        if isinstance(found.type.leaf, Condition):
            return found
        typed = nest(found.type.axes, Condition())
        return EachItem(
            type=typed, label=found.label, of=self._require_condition(found), operator="bool", function=bool
        )

    @staticmethod
    def _require_condition(found: Node) -> Node:
        if not isinstance(found.type.leaf, Boolean | AnyValue):
            hint = f"Write, for example, {found.label} != 0." if isinstance(found.type.leaf, Number) else ""
            hint = f"Write, for example, count({found.label}) > 0." if found.type.axes and not hint else hint
            raise FilterError(f"{found.label} is {describe(found)}, not a condition.", hint or HELP)
        return found

    def _join(self, left: Node, right: Node, label: str, *, decides: bool) -> Node:
        typed = nest(join_axes(left, right), Condition())
        return EachLogic(type=typed, label=label, left=left, right=right, decides=decides)

    def _compare(self, node: ast.Compare, *, each: bool) -> Node:
        """Return the tree of a comparison; of a chain ``a < b < c`` that of "a < b and b < c" for each item."""
        label, sides = self._source.quote(node), [node.left, *node.comparators]
        checked = [self._check_side(side) for side in sides]
        links = [
            check_comparison(op, left, right, label, each=each)
            for op, left, right in zip(node.ops, checked, checked[1:], strict=False)
        ]
        first, *others = links
        for other in others:
            first = self._join(first, other, label, decides=False)
        return first

    def _check_side(self, node: ast.expr) -> Node:
        if isinstance(node, ast.Constant) and node.value is None:
            return Constant(type=Condition(), label="None", value=None)
        found = self._check(node)
        if isinstance(found.type.leaf, Condition):
            raise FilterError(
                f"{found.label} is a condition: it cannot be compared.", "Use it as it is, or write not before it."
            )
        return found

    def _check(self, node: ast.expr) -> Node:
        """Return the tree of a value; also of a call of ``any`` or ``all``, which is a condition."""
        label = self._source.quote(node)
        with self._deeper(label):
            match node:
                case ast.Constant(value=bool() | int() | float() | str() as value):
                    return Constant(type=type_of_constant(value, label), label=label, value=value)
                case ast.List(elts=parts) | ast.Tuple(elts=parts):
                    values = [self._check_constant(part) for part in parts]
                    return Constant(type=type_of_constant(values, label), label=label, value=values)
                case ast.Name(id=name):
                    return self._look_up(name, label)
                case (
                    ast.Attribute(value=inner, attr=key)
                    | ast.Subscript(value=inner, slice=ast.Constant(value=str() as key))
                ):
                    return self._field(self._check_value(inner), key, label)
                case ast.Subscript(value=inner, slice=key) if isinstance(place := _read_integer(key), int):
                    return self._item(self._check_value(inner), place, label)
                case ast.UnaryOp(op=ast.USub(), operand=operand):
                    return self._negate(self._check_value(operand), label)
                case ast.BinOp(left=left, op=op, right=right) if type(op) in CALCULATE:
                    return self._calculate(type(op), self._check_value(left), self._check_value(right), label)
                case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
                    return self._call(name, argument, label)
                case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                    return self.check_condition(node)
        raise FilterError(f"{label!r} is not allowed in a filter.", HELP)

    def _check_value(self, node: ast.expr) -> Node:
        found = self._check(node)
        if isinstance(found.type.leaf, Condition):
            raise FilterError(
                f"{found.label} is a condition, not a value.", "count(…) is the number of items it holds for."
            )
        return found

    def _check_constant(self, node: ast.expr) -> Any:
        found = self._check(node)
        if not isinstance(found, Constant):
            raise FilterError(f"{found.label} cannot be in a list.", "Lists hold numbers, texts and lists of them.")
        return found.value

    def _look_up(self, name: str, label: str) -> Node:
        if name in self._source.tensors:
            tensor = self._source.tensors[name]
            return TensorValue(type=self._type_of(tensor), label=label, name=tensor)
        if name == "row":
            return TensorValue(type=Number("int64"), label=label, name=name)
        if name in FUNCTIONS:
            raise FilterError(f"{name!r} is a function.", f"Write {name}(…), with one value in the brackets.")
        raise self._source.unknown_error(name)

    def _field(self, of: Node, key: str, label: str) -> Node:
        leaf = of.type.leaf
        if isinstance(leaf, AnyValue) and not key.startswith("__"):
            return EachItem(
                type=of.type, label=label, of=of, operator=f".{key}", function=partial(get_key, key=key), whole=True
            )
        if not isinstance(leaf, Record):
            raise FilterError(f"{of.label} is {describe(of)}: it has no field {key!r}.", HELP)
        if key not in leaf.fields:
            raise FilterError(f"{of.label} has no field {key!r}.", leaf.hints.get(key) or suggest(key, leaf.fields))
        found = leaf.fields[key]
        typed = nest((*of.type.axes, *found.type.axes), found.type.leaf)
        return EachItem(
            type=typed, label=label, of=of, operator=f".{key}", function=found.get or (lambda value: value.get(key))
        )

    @staticmethod
    def _item(of: Node, place: int, label: str) -> Node:
        typed = type_of_item(of.type)
        if typed is None or isinstance(of, Constant):
            raise FilterError(f"{of.label} is {describe(of)}: it has no item {place}.", HELP)
        return ItemAt(type=typed, label=label, of=of, place=place)

    @staticmethod
    def _negate(of: Node, label: str) -> Node:
        _require_number(of, label)
        if isinstance(of, Constant) and not isinstance(of.value, list):
            return replace(of, label=label, value=-of.value)
        return EachItem(type=_as_number(of.type), label=label, of=of, operator="-", function=negate)

    @staticmethod
    def _calculate(op: type[ast.operator], left: Node, right: Node, label: str) -> Node:
        for side in (left, right):
            _require_number(side, label)
            if op in (ast.Mod, ast.FloorDiv) and not side.type.leaf.is_ordered:
                raise FilterError(f"{label}: {side.label} is complex.", "Complex numbers have + - * and /.")
        is_complex = not (left.type.leaf.is_ordered and right.type.leaf.is_ordered)
        result: ValueType = Number("complex128" if is_complex else "float64")
        if isinstance(left.type.leaf, AnyValue) or isinstance(right.type.leaf, AnyValue):
            result = AnyValue()
        typed = ArrayOf(result) if isinstance(result, AnyValue) else nest(join_axes(left, right), result)
        return EachPair(
            type=typed,
            label=label,
            left=left,
            right=right,
            operator=SYMBOLS[op],
            function=calculation(op),
            alone=float("nan"),
        )

    def _call(self, name: str, argument: ast.expr, label: str) -> Node:
        if name in ("any", "all"):
            node = AnyItem if name == "any" else AllItems
            return node(type=Condition(), label=label, of=_require_list(self._check_each(argument), name))
        if name == "count":
            return self._count(argument, label)
        of = self._check_value(argument)
        if isinstance(of, Constant):
            raise FilterError(f"{of.label} is not a tensor: {label} says nothing.", HELP)
        return self._length(of, label) if name == "len" else self._reduce(name, of, label)

    def _count(self, argument: ast.expr, label: str) -> Node:
        is_not = isinstance(argument, ast.UnaryOp) and isinstance(argument.op, ast.Not)
        is_condition = is_not or isinstance(argument, ast.Compare | ast.BoolOp)
        of = self._check_each(argument) if is_condition else self._check_value(argument)
        if isinstance(of.type.leaf, Boolean):
            raise FilterError(
                f"{label} may mean all items, or those that are true.", f"Write count({of.label} == True)."
            )
        return Count(type=Number("int64"), label=label, of=_require_list(of, "count"), is_condition=is_condition)

    @staticmethod
    def _length(of: Node, label: str) -> Node:
        name = of.type.length if isinstance(of.type, Record) else ""
        if not (name or of.type.axes or isinstance(of.type, Text)):
            raise FilterError(f"{of.label} is {describe(of)}: it has no length.", HELP)
        return Length(type=Number("int64"), label=label, of=of, name=name)

    @staticmethod
    def _reduce(name: str, of: Node, label: str) -> Node:
        leaf = of.type.leaf
        if not isinstance(leaf, Text) or name == "sum":
            _require_number(of, label)
        if name != "sum" and not leaf.is_ordered:
            raise FilterError(f"{of.label} is complex: {label} has no meaning.", "Complex numbers have no order.")
        result = leaf if leaf.is_ordered else Number("complex128")
        if name == "sum" and isinstance(leaf, Number | Boolean) and leaf.is_ordered:
            result = Number()
        return Reduce(type=result, label=label, of=_require_list(of, name), function=_REDUCTIONS[name])

    def _deeper(self, label: str) -> _Level:
        return _Level(self, label)


class _Level:
    """Counts how deep parts are nested, and refuses more than `MAX_DEPTH` levels."""

    def __init__(self, checker: Checker, label: str) -> None:
        self._checker, self._label = checker, label

    def __enter__(self) -> None:
        self._checker._depth += 1
        if self._checker._depth > MAX_DEPTH:
            raise FilterError(f"{self._label!r} is nested too deeply.", HELP)

    def __exit__(self, *_: object) -> None:
        self._checker._depth -= 1


def _read_integer(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -value
    return None


def _require_number(node: Node, label: str) -> None:
    leaf = node.type.leaf
    if isinstance(leaf, Record):
        fields = f"Use one of its fields, such as {node.label}.{next(iter(leaf.fields))}."
        raise FilterError(f"{label}: {node.label} is {describe(node)}, not a number.", fields)
    if not isinstance(leaf, Number | Boolean | AnyValue) or (
        isinstance(node, Constant) and isinstance(node.value, list)
    ):
        raise FilterError(f"{label}: {node.label} is {describe(node)}, not a number.", HELP)


def _as_number(given: ValueType) -> ValueType:
    return nest(given.axes, Number()) if isinstance(given.leaf, Boolean) else given


def _require_list(node: Node, name: str) -> Node:
    if not node.type.axes:
        hint = "Leave the function out." if isinstance(node.type, Condition) else HELP
        raise FilterError(f"{name}(…) is for lists; {node.label} is {describe(node)}.", hint)
    return node

"""Random filters on random rows, against a second implementation of their meaning that knows values by position."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reelbase.errors import FilterError
from reelbase.selection.filter import Filter
from reelbase.selection.value_types import ITEMS, SEQUENCE, ArrayOf, ClassName, ListOf, Number, ValueType

NAMES = ("cat", "dog", "cow")
TYPES: dict[str, ValueType] = {
    "n": Number(),
    "array": ArrayOf(Number()),
    "track": ListOf(Number(), SEQUENCE),
    "widths": ListOf(ListOf(Number(), ITEMS), SEQUENCE),
    "labels": ListOf(ListOf(ClassName(NAMES), ITEMS), SEQUENCE),
}
NUMBERS = st.one_of(st.integers(-2, 3), st.sampled_from([0.5, math.nan]))


def rows_of(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A row of a sequence: missing, or frames, some of which are not annotated."""
    return st.none() | st.lists(st.none() | items, max_size=4)


ROWS = st.fixed_dictionaries(
    {
        "n": st.none() | NUMBERS,
        "array": st.none() | NUMBERS | st.lists(NUMBERS, max_size=3),
        "track": rows_of(NUMBERS),
        "widths": rows_of(st.lists(NUMBERS, max_size=3)),
        "labels": rows_of(st.lists(st.sampled_from(NAMES), max_size=3)),
    }
)


@dataclass
class Spread:
    """A value as its single values by position, and the positions of the lists around them."""

    leaves: dict[tuple[int, ...], Any]
    lists: set[tuple[int, ...]]

    @property
    def is_missing(self) -> bool:
        return self.leaves == {(): None}

    @property
    def known(self) -> list[Any]:
        return [leaf for leaf in self.leaves.values() if leaf is not None]

    def map(self, function: Callable[[Any], Any]) -> Spread:
        return Spread({p: None if leaf is None else function(leaf) for p, leaf in self.leaves.items()}, self.lists)

    def find(self, place: tuple[int, ...]) -> Any:
        """The value at a position, or the one that belongs to all items there; None for a list; else ALONE."""
        if place in self.lists:
            return None
        found = [self.leaves[place[:k]] for k in range(len(place) + 1) if place[:k] in self.leaves]
        return found[0] if found else ALONE


ALONE = object()


def spread(value: Any, place: tuple[int, ...] = ()) -> Spread:
    if not isinstance(value, list):
        return Spread({place: value}, set())
    whole = Spread({}, {place})
    for k, item in enumerate(value):
        inner = spread(item, (*place, k))
        whole.leaves |= inner.leaves
        whole.lists |= inner.lists
    return whole


def combine(a: Spread, b: Spread, function: Callable[[Any, Any], Any], *, spreads_missing: bool = False) -> Spread:
    """A function of all pairs; ALONE is passed for what has no partner.

    Where one side is missing and the other a list, the result is missing; or the list's items are each combined with
    what is missing, if `spreads_missing`.
    """
    places = {p for p in a.leaves if p not in b.lists} | {p for p in b.leaves if p not in a.lists}
    if not spreads_missing:
        missing = {p for side in (a, b) for p, leaf in side.leaves.items() if leaf is None}
        places = {p for p in places | missing if not any(p[:k] in missing for k in range(len(p)))}
    lists = {p for p in a.lists | b.lists if not any(p[:k] in places for k in range(len(p) + 1))}
    return Spread({p: function(a.find(p), b.find(p)) for p in places}, lists)


def compare(op: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def function(a: Any, b: Any) -> Any:
        if a is ALONE or b is ALONE:
            return False
        return None if a is None or b is None else op(a, b)

    return function


def calculate(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def function(a: Any, b: Any) -> Any:
        if a is ALONE or b is ALONE:
            return math.nan
        if a is None or b is None:
            return None
        try:
            return op(a, b)
        except ZeroDivisionError:
            return None

    return function


def logic(decides: bool) -> Callable[[Any, Any], Any]:
    def function(a: Any, b: Any) -> Any:
        sides = [False if side is ALONE else side for side in (a, b)]
        if decides in sides:
            return decides
        return None if None in sides else not decides

    return function


Meaning = Callable[[dict[str, Any]], Any]
Part = tuple[str, Meaning]  # an expression, and its value in a row

COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CALCULATE = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def numbers() -> st.SearchStrategy[Part]:
    """Numbers, and lists of them."""
    tensors = st.sampled_from(["n", "array", "track", "widths"]).map(lambda name: (name, lambda row: spread(row[name])))
    constants = st.sampled_from([0, 1, 2, 0.5]).map(lambda value: (repr(value), lambda row: spread(value)))
    reduced = st.tuples(st.sampled_from([min, max, sum]), st.sampled_from(["array", "track", "widths"])).map(reduce)

    def extend(inner: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
        negated = inner.map(lambda a: (f"(-{a[0]})", lambda row: a[1](row).map(operator.neg)))
        return negated | st.builds(arithmetic, inner, st.sampled_from(list(CALCULATE)), inner)

    return st.recursive(tensors | constants | reduced, extend, max_leaves=3)


def reduce(chosen: tuple[Any, str]) -> Part:
    function, name = chosen

    def meaning(row: dict[str, Any]) -> Spread:
        value = spread(row[name])
        known = [leaf for leaf in value.known if not math.isnan(leaf)]
        return spread(None if value.is_missing or not (known or function is sum) else function(known))

    return f"{function.__name__}({name})", meaning


def arithmetic(a: Part, op: str, b: Part) -> Part:
    return f"({a[0]} {op} {b[0]})", lambda row: combine(a[1](row), b[1](row), calculate(CALCULATE[op]))


def compared(a: Part, op: str, b: Part) -> Part:
    return f"{a[0]} {op} {b[0]}", lambda row: combine(a[1](row), b[1](row), compare(COMPARE[op]))


def between(low: int, a: Part, high: int) -> Part:
    return f"{low} <= {a[0]} < {high}", lambda row: a[1](row).map(lambda value: low <= value < high)


def labelled(names: list[str], op: str) -> Part:
    return f"labels {op} {names!r}", lambda row: spread(row["labels"]).map(lambda name: (name in names) is (op == "in"))


def is_missing(name: str) -> Part:
    def meaning(row: dict[str, Any]) -> Spread:
        value = spread(row[name])
        return Spread({p: leaf is None for p, leaf in value.leaves.items()}, value.lists)

    return f"{name} is None", meaning


NAME = st.sampled_from(NAMES).map(lambda name: (repr(name), lambda row: spread(name)))
LABELS = st.just(("labels", lambda row: spread(row["labels"])))
OF_NUMBERS = st.builds(compared, numbers(), st.sampled_from(list(COMPARE)), numbers())
COMPARED = st.one_of(
    OF_NUMBERS,
    st.builds(between, st.integers(-2, 1), numbers(), st.integers(0, 3)),
    st.builds(compared, LABELS, st.sampled_from(["==", "!="]), NAME),
    st.builds(labelled, st.lists(st.sampled_from(NAMES), min_size=1, max_size=2), st.sampled_from(["in", "not in"])),
)


def each_and(a: Part, b: Part) -> Part:
    return f"({a[0]} and {b[0]})", lambda row: combine(a[1](row), b[1](row), logic(decides=False), spreads_missing=True)


def each_or(a: Part, b: Part) -> Part:
    return f"({a[0]} or {b[0]})", lambda row: combine(a[1](row), b[1](row), logic(decides=True), spreads_missing=True)


def each_not(a: Part) -> Part:
    return f"(not {a[0]})", lambda row: a[1](row).map(operator.not_)


OF_EACH_ITEM = st.recursive(
    COMPARED | st.sampled_from(["track", "widths", "labels"]).map(is_missing),
    lambda inner: st.builds(each_and, inner, inner) | st.builds(each_or, inner, inner) | st.builds(each_not, inner),
    max_leaves=4,
)


def counted(a: Part, op: str, number: int) -> Part:
    def meaning(row: dict[str, Any]) -> bool:
        value = a[1](row)
        return not value.is_missing and COMPARE[op](sum(value.known), number)

    return f"count({a[0]}) {op} {number}", meaning


def counted_items(name: str, op: str, number: int) -> Part:
    def meaning(row: dict[str, Any]) -> bool:
        return row[name] is not None and COMPARE[op](len(spread(row[name]).known), number)

    return f"count({name}) {op} {number}", meaning


def measured(name: str, op: str, number: int) -> Part:
    def meaning(row: dict[str, Any]) -> bool:
        return isinstance(row[name], list) and COMPARE[op](len(row[name]), number)

    return f"len({name}) {op} {number}", meaning


def any_of(a: Part) -> Part:
    return f"any({a[0]})", lambda row: any(a[1](row).known)


def all_of(a: Part) -> Part:
    return f"all({a[0]})", lambda row: not a[1](row).is_missing and all(a[1](row).known)


def bare(a: Part) -> Part:
    return a[0], lambda row: any(a[1](row).known)


LISTS, OPERATORS, SMALL = (
    st.sampled_from(["array", "track", "widths", "labels"]), st.sampled_from(list(COMPARE)), st.integers(0, 4),
)  # fmt: skip
FILTERS = st.recursive(
    st.one_of(
        COMPARED.map(bare),
        OF_EACH_ITEM.map(any_of),
        OF_EACH_ITEM.map(all_of),
        st.builds(counted, OF_EACH_ITEM, OPERATORS, SMALL),
        st.builds(counted_items, LISTS, OPERATORS, SMALL),
        st.builds(measured, LISTS, OPERATORS, SMALL),
        st.sampled_from(list(TYPES)).map(lambda name: (f"{name} is None", lambda row: row[name] is None)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda a, b: (f"({a[0]} and {b[0]})", lambda row: a[1](row) and b[1](row)), inner, inner),
        st.builds(lambda a, b: (f"({a[0]} or {b[0]})", lambda row: a[1](row) or b[1](row)), inner, inner),
        st.builds(lambda a: (f"(not {a[0]})", lambda row: not a[1](row)), inner),
    ),
    max_leaves=3,
)


@settings(max_examples=250, derandomize=True)
@given(FILTERS, st.lists(ROWS, min_size=1, max_size=5))
def test_filters_mean_what_they_say(part: Part, rows: list[dict[str, Any]]) -> None:
    text, meaning = part
    try:
        found = Filter(text, TYPES, TYPES.__getitem__)
    except FilterError as error:
        # Two lists compared outside any() or all(), and any() of what is no list, are refused; nothing else is.
        refused = str(error)
        assume("two lists" not in refused and "is for lists" not in refused)
        raise
    assert [found.matches(row) for row in rows] == [bool(meaning(row)) for row in rows], text

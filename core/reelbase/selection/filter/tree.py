"""The nodes of a checked filter: what each part of an expression is, its type, and its value in a row.

A condition has a result for each item: True, False, or None where a value is missing. `AnyItem` makes one of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from reelbase.selection.filter.nested import leaves, lift, lift_to_lists, pair
from reelbase.selection.filter.operators import contains, get_item, normalize_all
from reelbase.selection.value_types import ValueType, normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Condition(ValueType):
    """The result of a comparison."""

    word: ClassVar[str] = "a condition"


@dataclass(frozen=True, kw_only=True)
class Node(ABC):
    """A part of an expression.

    Attributes:
        type: The type of its values.
        label: The part as the user wrote it.
    """

    type: ValueType
    label: str

    @abstractmethod
    def evaluate(self, row: Mapping[str, Any]) -> Any:
        """Return the value in a row.

        Args:
            row: Values by the names of tensors, and "row".
        """


@dataclass(frozen=True, kw_only=True)
class Constant(Node):
    """A number, a string, or a list of them."""

    value: Any

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        return self.value


@dataclass(frozen=True, kw_only=True)
class TensorValue(Node):
    """The sample of a tensor; or the number of the row."""

    name: str

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        return row[self.name]


@dataclass(frozen=True, kw_only=True)
class EachItem(Node):
    """A function of each value.

    Attributes:
        of: The values.
        operator: What the function is: ".fps" for a field, "-", "not", or "bool".
        function: Called with each value that is not missing.
        whole: Whether it is called with the value as a whole, lists included.
    """

    of: Node
    operator: str
    function: Callable[[Any], Any]
    whole: bool = False

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        value = self.of.evaluate(row)
        if self.whole:
            return None if value is None else self.function(value)
        return lift(self.function, value, self.of.type.depth)


@dataclass(frozen=True, kw_only=True)
class ItemAt(Node):
    """One item of a list, or one character of a string."""

    of: Node
    place: int

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        return get_item(self.of.evaluate(row), self.place)


@dataclass(frozen=True, kw_only=True)
class EachPair(Node):
    """A function of each pair of values.

    Attributes:
        left: The values of one side.
        right: Those of the other.
        operator: The operator as it is written: "+", "==", "in", …
        function: Called with each pair of which neither value is missing.
        alone: The result for an item without a partner in the other list.
    """

    left: Node
    right: Node
    operator: str
    function: Callable[[Any, Any], Any]
    alone: Any = False

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        function, right = self.function, self.right.evaluate(row)
        if isinstance(self.right, Constant):
            return lift(lambda value: function(value, right), self.left.evaluate(row), self.left.type.depth)
        depths = (self.left.type.depth, self.right.type.depth)
        return pair(function, self.left.evaluate(row), right, depths, self.alone)


@dataclass(frozen=True, kw_only=True)
class EqualsList(Node):
    """The comparison of each list in a value with a list that is written in the expression."""

    of: Node
    wanted: list[Any]
    levels: int
    is_negated: bool

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        def compare(found: Any) -> bool:
            return (normalize_all(found) == self.wanted) is not self.is_negated

        value, depth = self.of.evaluate(row), self.of.type.depth
        if depth < 0:
            return lift_to_lists(compare, value, self.levels, otherwise=self.is_negated)
        numbers = getattr(self.of.type.leaf, "numbers", 0)
        return lift(compare, value, depth + bool(numbers) - self.levels)


@dataclass(frozen=True, kw_only=True)
class IsOneOf(Node):
    """Whether each value is among those of another list, or in its strings."""

    left: Node
    right: Node
    is_negated: bool

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        whole = self.right.evaluate(row)
        if whole is None:
            return None
        if isinstance(whole, (str, dict)):

            def is_in(part: Any) -> bool | None:
                return contains(part, whole)

        else:
            known = [normalize(item) for item in leaves(whole, self.right.type.depth)]

            def is_in(part: Any) -> bool | None:
                return normalize(part) in known

        def answer(part: Any) -> bool | None:
            found = is_in(part)
            return None if found is None else found is not self.is_negated

        return lift(answer, self.left.evaluate(row), self.left.type.depth)


@dataclass(frozen=True, kw_only=True)
class IsMissing(Node):
    """Whether the sample is missing; for `each` item, whether it is."""

    of: Node
    each: bool
    is_negated: bool

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        return self._look(self.of.evaluate(row), self.of.type.depth if self.each else 0)

    def _look(self, value: Any, depth: int) -> Any:
        if depth and isinstance(value, list):
            return [self._look(item, depth - 1) for item in value]
        return (value is None) is not self.is_negated


@dataclass(frozen=True, kw_only=True)
class EachLogic(Node):
    """``and`` or ``or`` of the conditions of each item; ``and`` is false, and ``or`` true, if one condition is."""

    left: Node
    right: Node
    decides: bool  #: the result that one side alone can decide

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        return self._join(
            self.left.evaluate(row), self.right.evaluate(row), self.left.type.depth, self.right.type.depth
        )

    def _join(self, a: Any, b: Any, a_depth: int, b_depth: int) -> Any:
        in_a, in_b = a_depth and isinstance(a, list), b_depth and isinstance(b, list)
        if in_a and in_b:
            length = max(len(a), len(b))
            pairs = zip(_fill(a, length), _fill(b, length), strict=True)
            return [self._join(x, y, a_depth - 1, b_depth - 1) for x, y in pairs]
        if in_a:
            return [self._join(item, b, a_depth - 1, b_depth) for item in a]
        if in_b:
            return [self._join(a, item, a_depth, b_depth - 1) for item in b]
        if a is self.decides or b is self.decides:
            return self.decides
        return None if a is None or b is None else not self.decides


def _fill(items: list[Any], length: int) -> list[Any]:
    """Return a list of conditions with False for items without a partner."""
    return items + [False] * (length - len(items))


@dataclass(frozen=True, kw_only=True)
class AnyItem(Node):
    """Whether a condition is true for any item."""

    of: Node

    def evaluate(self, row: Mapping[str, Any]) -> bool:  # noqa: D102
        return any(leaves(self.of.evaluate(row), self.of.type.depth))


@dataclass(frozen=True, kw_only=True)
class AllItems(Node):
    """Whether a condition is true for all items; false if there is no sample."""

    of: Node

    def evaluate(self, row: Mapping[str, Any]) -> bool:  # noqa: D102
        found = self.of.evaluate(row)
        return found is not None and all(leaves(found, self.of.type.depth))


@dataclass(frozen=True, kw_only=True)
class Count(Node):
    """The number of items; of a condition, the number of items for which it is true."""

    of: Node
    is_condition: bool

    def evaluate(self, row: Mapping[str, Any]) -> int | None:  # noqa: D102
        found = self.of.evaluate(row)
        if found is None:
            return None
        return sum(1 for leaf in leaves(found, self.of.type.depth) if leaf or not self.is_condition)


@dataclass(frozen=True, kw_only=True)
class Reduce(Node):
    """``min``, ``max`` or ``sum`` of all items."""

    of: Node
    function: Callable[[Any], Any]

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        found = self.of.evaluate(row)
        values = [value for value in leaves(found, self.of.type.depth) if value == value]  # NaN is not equal to itself
        try:
            return self.function(values) if found is not None and (values or self.function is sum) else None
        except TypeError:  # JSON values of different types
            return None


@dataclass(frozen=True, kw_only=True)
class Length(Node):
    """The length of the first axis: frames of a video or of a sequence, items of a list, characters of a string."""

    of: Node
    name: str = ""  #: the field that is the length of a record

    def evaluate(self, row: Mapping[str, Any]) -> Any:  # noqa: D102
        value = self.of.evaluate(row)
        if self.name and isinstance(value, dict):
            return value.get(self.name)
        return len(value) if isinstance(value, (list, str, dict)) else None


@dataclass(frozen=True, kw_only=True)
class Logic(Node):
    """``and`` or ``or`` of conditions of the row."""

    parts: tuple[Node, ...]
    is_and: bool

    def evaluate(self, row: Mapping[str, Any]) -> bool:  # noqa: D102
        combine = all if self.is_and else any
        return combine(part.evaluate(row) for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class Not(Node):
    """The opposite of a condition of the row."""

    of: Node

    def evaluate(self, row: Mapping[str, Any]) -> bool:  # noqa: D102
        return not self.of.evaluate(row)


@dataclass(frozen=True, kw_only=True)
class IsTrue(Node):
    """Whether a JSON value is true, as Python decides it."""

    of: Node

    def evaluate(self, row: Mapping[str, Any]) -> bool:  # noqa: D102
        return bool(self.of.evaluate(row))

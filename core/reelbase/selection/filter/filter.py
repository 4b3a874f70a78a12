"""A filter: an expression that was checked against the tensors of a dataset, and can be asked about rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.selection.filter.check import Checker
from reelbase.selection.filter.text import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from reelbase.selection.value_types import ValueType


class Filter:
    """A filter expression that was checked against the types of the tensors that it names.

    Args:
        text: The expression as the user wrote it.
        names: Names of all tensors.
        type_of: Returns the type of a row of a tensor. It is called for the tensors of the expression.

    Attributes:
        text: The expression as the user wrote it.
        names: Names of the tensors in the expression.
        tree: The checked expression.

    Raises:
        FilterError: the text is not a valid filter, names something that does not exist, or compares what cannot be
            compared. The message quotes the part that is wrong.
    """

    def __init__(self, text: str, names: Collection[str], type_of: Callable[[str], ValueType]) -> None:
        source = Source(text, names)
        self.text = text
        self.names = frozenset(source.tensors.values())
        self.tree = Checker(source, type_of).check_condition(source.tree)

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return True if the expression is true for a row.

        Args:
            values: The row's values by tensor name, and its number as "row".
        """
        return bool(self.tree.evaluate(values))

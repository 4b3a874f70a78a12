"""Functions on values in lists of lists. None is what is missing, at any level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def lift(function: Callable[[Any], Any], value: Any, depth: int) -> Any:
    """Apply a function to each value in `depth` lists; to each value that is not a list if `depth` is negative."""
    if depth and isinstance(value, list):
        return [lift(function, item, depth - 1) for item in value]
    return None if value is None else function(value)


def lift_to_lists(function: Callable[[list[Any]], Any], value: Any, levels: int, otherwise: Any) -> Any:
    """Apply a function to each part of a value that is `levels` lists deep. `otherwise` is the result for the rest."""
    if not isinstance(value, list):
        return None if value is None else otherwise
    if count_levels(value) == levels:
        return function(value)
    return [lift_to_lists(function, item, levels, otherwise) for item in value]


def count_levels(value: Any) -> int:
    """Return how many lists deep a value is; 0 if it is not a list."""
    return 1 + max(map(count_levels, value), default=0) if isinstance(value, list) else 0


def pair(function: Callable[[Any, Any], Any], left: Any, right: Any, depths: tuple[int, int], alone: Any) -> Any:
    """Apply a function to pairs of values of two nested lists.

    Items at the same position are paired. A value that is in fewer lists is paired with each item of the others.

    Args:
        function: Called with each pair.
        left: Values in ``depths[0]`` lists.
        right: Values in ``depths[1]`` lists.
        depths: As in `lift`.
        alone: The result for an item without a partner.
    """
    if left is None or right is None:
        return None
    in_left, in_right = depths[0] and isinstance(left, list), depths[1] and isinstance(right, list)
    if not in_left and not in_right:
        return function(left, right)
    inner = (depths[0] - bool(in_left), depths[1] - bool(in_right))
    if in_left and in_right:
        pairs = [pair(function, a, b, inner, alone) for a, b in zip(left, right, strict=False)]
        return pairs + [alone] * abs(len(left) - len(right))
    if in_left:
        return [pair(function, item, right, inner, alone) for item in left]
    return [pair(function, left, item, inner, alone) for item in right]


def leaves(value: Any, depth: int) -> Iterator[Any]:
    """Yield the values in `depth` lists, without those that are missing."""
    if depth and isinstance(value, list):
        for item in value:
            yield from leaves(item, depth - 1)
    elif value is not None:
        yield value

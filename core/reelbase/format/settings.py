"""Settings of a tensor that grow: lists, such as class names, whose items keep their places.

A stored number means the same before and after, so a tensor may be read with the settings of any later commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def extends(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return True if `new` has all of `old`: the same values, or lists that begin with the same items."""
    return all(name in new and _begins_with(new[name], value) for name, value in old.items())


def narrows(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return True if `new` sets what `old` left open, so that not every value that was valid before still is.

    Without class names any id is valid, with them only those that have a name.
    """
    return bool(new.keys() - old.keys())


def _begins_with(new: Any, old: Any) -> bool:
    if isinstance(new, list) and isinstance(old, list):
        return new[: len(old)] == old
    return bool(new == old)

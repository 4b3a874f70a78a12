"""The name that somebody probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return what to do about an unknown name: "Did you mean 'info'?", or what to do if no known name is near.

    Args:
        name: The unknown name. Case does not count.
        known: The known names.
        otherwise: What to do if none of them is near.
    """
    by_plain = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), by_plain, 1)
    return f"Did you mean {by_plain[near[0]]!r}?" if near else otherwise

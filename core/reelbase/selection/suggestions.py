"""Hints for names that do not exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAMES_SHOWN: Final = 12


def suggest(given: str, known: Iterable[str]) -> str:
    """Return a sentence with the known names that are most similar to `given`, or with the first names if none is."""
    by_lower = {name.casefold(): name for name in known}  # "Cat" is a likely misspelling of "cat"
    near = [by_lower[name] for name in get_close_matches(given.casefold(), by_lower, n=3, cutoff=0.6)]
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    names = list(by_lower.values())
    more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
    return f"There are: {', '.join(names[:MAX_NAMES_SHOWN])}{more}." if names else "There are none."

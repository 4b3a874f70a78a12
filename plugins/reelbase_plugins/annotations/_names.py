"""Suggestions for misspelled names, for messages."""

from __future__ import annotations

import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING

from reelbase.plugin import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NAMES_SHOWN = 12


def normalize(name: str) -> str:
    """Return a name in Unicode's normal form NFC: "é" may be one character, or an "e" and an accent (UAX #15)."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def did_you_mean(given: object, known: Sequence[str]) -> str:
    """Return a sentence that suggests the most similar of `known` names, or lists the first of them if none is."""
    by_lower = {name.casefold(): name for name in known}  # "Cat" is a likely misspelling of "cat"
    near = get_close_matches(str(given).casefold(), by_lower, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {by_lower[near[0]]!r}?"
    shown = ", ".join(brief(name) for name in known[:MAX_NAMES_SHOWN])
    return f"Known are {shown}{f' and {len(known) - MAX_NAMES_SHOWN} more' if len(known) > MAX_NAMES_SHOWN else ''}."

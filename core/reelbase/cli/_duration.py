"""Times as they are typed: ``7d``, ``12h``, ``30m``, ``90s``, ``0``."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(\d{1,9})([dhms])")


def duration(text: str) -> timedelta:
    """A length of time.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    if text.strip() == "0":
        return timedelta(0)
    raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 7d, 12h, 30m, 90s or 0")


def keep(text: str) -> int | timedelta:
    """A number, or a length of time.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return int(text)
    try:
        return duration(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number and no time; write 10, or 30d") from None

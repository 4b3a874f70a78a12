"""Parsing of durations on the command line: ``7d``, ``12h``, ``30m``, ``90s``, ``0``."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(\d{1,9})([dhms])")


def parse_duration(text: str) -> timedelta:
    """Parse a duration.

    Raises:
        argparse.ArgumentTypeError: it is not a duration.
    """
    found = _DURATION.fullmatch(text.strip())
    if found:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    if text.strip() == "0":
        return timedelta(0)
    raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 7d, 12h, 30m, 90s or 0")


def parse_count_or_duration(text: str) -> int | timedelta:
    """Parse a number or a duration.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return int(text)
    try:
        return parse_duration(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor a time; write 10, or 30d") from None

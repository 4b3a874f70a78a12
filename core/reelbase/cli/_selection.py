"""Parsing of selections on the command line: ``100:200:5``, ``7``, ``1,5,9``."""

from __future__ import annotations

import argparse
import re

Selection = int | slice | list[int]

_PART = r"[+-]?\d+"
_SLICE = re.compile(rf"({_PART})?:({_PART})?(?::({_PART})?)?")


def parse_selection(text: str) -> Selection:
    """Parse an index or a slice in Python's syntax, or a list of indices.

    Raises:
        argparse.ArgumentTypeError: it is not a selection.
    """
    text = text.strip()
    if sliced := _SLICE.fullmatch(text):
        start, stop, step = (None if part is None else int(part) for part in sliced.groups())
        if step != 0:
            return slice(start, stop, step)
    if re.fullmatch(_PART, text):
        return int(text)
    if re.fullmatch(rf"{_PART}(,{_PART})*,?", text):
        return [int(part) for part in text.strip(",").split(",")]
    raise argparse.ArgumentTypeError(f"{text!r} is not a selection; write 7, 100:200, 100:200:5 or 1,5,9")


def parse_size(text: str) -> tuple[int, int]:
    """Parse ``WIDTHxHEIGHT`` to ``(height, width)``.

    Raises:
        argparse.ArgumentTypeError: it is not a size.
    """
    found = re.fullmatch(r"([1-9]\d*)[xX]([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write WIDTHxHEIGHT, such as 320x180")
    return int(found[2]), int(found[1])


def parse_count(text: str) -> int:
    """Parse a whole number from 1 on.

    Raises:
        argparse.ArgumentTypeError: it is not such a number.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; write 1 or more")
    return int(text)

"""Parsing of the Range header (RFC 9110, 14), as far as players use it. Pure functions."""

from __future__ import annotations

import re
from typing import Final

#: Players request everything up to the end of the file and then read only a part of it.
MAX_BYTES_PER_ANSWER: Final = 1 << 20
#: Of a number: files are smaller than 10¹⁸ bytes, and Python takes long for numbers of many digits, or refuses them.
MAX_DIGITS: Final = 18

_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)


class RangeError(Exception):
    """The requested range is outside the file."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Parse a Range header.

    Args:
        header: Value of the header; None if it is absent.
        size: Size of the file in bytes.

    Returns:
        ``(start, stop)``, at most `MAX_BYTES_PER_ANSWER` bytes. None for the whole file: a header with another unit
        than bytes is ignored, as the RFC requires.

    Raises:
        RangeError: the range is outside the file, or there are several.
    """
    if header is None or not header.lower().startswith("bytes="):
        return None
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        raise RangeError
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - _number(last)), size
    else:
        start, stop = _number(first), size if not last else min(_number(last) + 1, size)
    if start >= size or stop <= start:
        raise RangeError
    return start, min(stop, start + MAX_BYTES_PER_ANSWER)


def _number(digits: str) -> int:
    """The number; one of more than `MAX_DIGITS` is larger than any file, whatever it is."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS

"""The Range header (RFC 9110, 14), as far as players use it. Pure."""

from __future__ import annotations

import re
from typing import Final

#: Bytes of one answer: players ask to the end of the file, and take a fraction of that.
MOST: Final = 1 << 20

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class RangeError(Exception):
    """Nothing of what is asked for is there."""


def asked(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and stop of what a header asks of `size` bytes, at most `MOST` of them; None: all.

    A header that is no range of bytes is passed over, as the RFC says.

    Raises:
        RangeError: it lies outside, or there are several.
    """
    if header is None or not header.startswith("bytes="):
        return None
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        raise RangeError
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), size if not last else min(int(last) + 1, size)
    if start >= size or stop <= start:
        raise RangeError
    return start, min(stop, start + MOST)

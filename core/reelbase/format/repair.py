"""Repair of JSON that an older reelbase wrote and that no reelbase reads.

Before a commit was read back ahead of its claim, text that UTF-8 cannot encode (names of files in Latin-1, as
`os.listdir` returns them) and numbers of 64 bits were accepted, and from then on nobody could open the dataset.
"""

from __future__ import annotations

from typing import Any, Final

from reelbase.format.validation import MAX_COUNT

_FREE: Final = {"info", "settings"}  # what is under their keys may be any JSON; readers do not look at it


def repair(value: Any) -> Any:
    r"""Return the JSON of a commit with text that can be encoded, and numbers in range.

    A lone surrogate becomes its escape (``\udce9``), so that different texts stay different. A number that is too
    large becomes the largest one, so that an application's lower numbers still count as done.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return max(1 - MAX_COUNT, min(value, MAX_COUNT - 1))
    if isinstance(value, list):
        return [repair(item) for item in value]
    if isinstance(value, dict):
        return {repair(key): _repair_keys(item) if key in _FREE else repair(item) for key, item in value.items()}
    return value


def _repair_keys(value: Any) -> Any:
    return {repair(key): item for key, item in value.items()} if isinstance(value, dict) else repair(value)

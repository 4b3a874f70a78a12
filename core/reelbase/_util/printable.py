r"""Text that is safe to print.

Names and messages in a dataset may come from a stranger, and a terminal obeys some characters. An escape sequence can
rename the window, write to the clipboard, hide lines or fake a prompt; characters that change the direction of writing
make a text look like another one. They are shown as Python writes them in a string: ``\x1b``.
"""

from __future__ import annotations

import re
from typing import Final

_FORBIDDEN: Final = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: among them ESC, and CSI and OSC in one byte
    "\u2028\u2029"  # separators of lines and paragraphs
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # invisible: two names would look the same
    "\U000e0000-\U000e007f\U0001d173-\U0001d17a"
    "\ud800-\udfff"  # halves of characters, as of file names that are not UTF-8: no terminal takes them
)
_IN_LINES: Final = re.compile(f"[{_FORBIDDEN}]")
_IN_TEXT: Final = re.compile(f"(?!\n)[{_FORBIDDEN}]")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable_line(text: str) -> str:
    r"""The text on one line: its line breaks are shown as ``\n``, so that no value can look like a line of its own."""
    return _IN_LINES.sub(_spell, text)


def printable(text: str) -> str:
    """A text of several lines, with everything but its line breaks made harmless. What is harmless stays as it is."""
    return _IN_TEXT.sub(_spell, text)


def printable_json(text: str) -> str:
    """JSON that means exactly the same, with forbidden characters in its strings written as JSON's own escapes.

    Args:
        text: JSON; its line breaks are between values, since JSON allows none in strings.
    """
    return _IN_TEXT.sub(_spell_in_json, text)


def _spell(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT.get(character) or ascii(character)[1:-1]


def _spell_in_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

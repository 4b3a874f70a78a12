"""URLs in messages: without what may be secret in them."""

from __future__ import annotations

import re

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#@]*@)?([^?#]*)([?#].*)?", re.DOTALL)


def redacted(url: str) -> str:
    """The URL without user, password, query (``?…``) and fragment: signatures and tokens stand there."""
    parts = _PARTS.fullmatch(url)
    return url if parts is None else f"{parts[1]}{parts[2]}{'?…' if parts[3] else ''}"

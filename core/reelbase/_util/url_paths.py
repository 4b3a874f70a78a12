"""Paths of URLs: which ones every server reads alike, and the one spelling in which they are compared.

Credentials are bound to a folder of a server. Between reelbase and the file there may be proxies, gateways and
application servers, and each decodes the path for itself. A path that one of them reads as "go up" leads out of the
folder, although it looks as if it were inside: ``/videos/..;/admin`` (Tomcat drops what follows a semicolon),
``/videos/%252e%252e/admin`` (decoded twice), ``/videos/%c0%ae%c0%ae/admin`` (a dot in overlong UTF-8).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote_to_bytes

#: Decoded so often, at most: nothing that means well is encoded more than twice.
MAX_ROUNDS: Final = 4
_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_OTHER_ESCAPE: Final = re.compile(r"%u[0-9A-Fa-f]{4}")  # of old versions of IIS and of JavaScript's escape()
#: Sequences that UTF-8 forbids because a shorter one says the same: lenient decoders make "." and "/" of them, some
#: even where the second byte is wrong (``%c0%6e``). A letter of Latin-1 in a name (``caf%e9.mp4``) is none.
_OVERLONG: Final = re.compile(
    rb"[\xc0\xc1\xf5-\xff][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]"
    rb"|[\xc0\xc1][\x2e\x6e\xee\x2f\x6f\xef\x1c\x5c\xdc]"
)
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: What RFC 3986 allows in a path beside unreserved characters, the percent sign, and what browsers leave alone.
_IN_PATHS: Final = "/%:@!$&'()*+,;=[]|^`{}\"<>"


def find_ambiguity(path: str) -> str | None:
    """Return why servers may read a path differently; None if they do not.

    Args:
        path: The path of a URL, as it is spelled there.
    """
    if "\\" in path:
        return "has a backslash"
    if _OTHER_ESCAPE.search(path):
        return "has an escape that only some servers know"
    raw = path.encode("utf-8", "surrogateescape")
    for depth in range(MAX_ROUNDS):
        if found := _flaw_of_bytes(raw, escaped=depth > 0):
            return found
        if not _ESCAPE.search(raw):
            return None
        decoded = unquote_to_bytes(raw)
        if decoded.count(b"/") != raw.count(b"/"):
            return "has an escaped dot, slash or NUL"
        raw = decoded
    return "is encoded again and again"


def has_stray_percent(path: str) -> bool:
    """Return True if a percent sign begins no escape: servers refuse it, keep it, or guess."""
    return _STRAY_PERCENT.search(path) is not None


def normalize(path: str) -> str:
    """Return a path of the web in the one spelling that is compared (RFC 3986, 6.2.2).

    ``%74rain`` and ``train`` are the same path, and so are ``%c3%bc``, ``%C3%BC`` and ``ü``. Reserved characters stay
    as they are: ``a%2Cb`` and ``a,b`` may be two files.
    """
    raw = quote(path, safe=_IN_PATHS, errors="surrogateescape").encode()
    return _ESCAPE.sub(_spell_escape, raw).decode()


def _spell_escape(match: re.Match[bytes]) -> bytes:
    byte = int(match[0][1:], 16)
    return bytes([byte]) if byte in _UNRESERVED else match[0].upper()


def _flaw_of_bytes(path: bytes, *, escaped: bool) -> str | None:
    if escaped and (b"\\" in path or b"\0" in path):
        return "has an escaped dot, slash or NUL"
    if _CONTROL.search(path):
        return "has an escaped control character"
    if _OVERLONG.search(path):
        return "has bytes that are no UTF-8 and may be read as dots or slashes"
    if any(_goes_up(segment) for segment in path.split(b"/")):
        return "has an escaped dot, slash or NUL" if escaped else "has '.' or '..' in its path"
    return None


def _goes_up(segment: bytes) -> bool:
    """Return True if a server may read the segment as "." or "..".

    Some drop what follows a semicolon, some blanks and dots at the end (Windows), some fold compatible characters.
    """
    text = unicodedata.normalize("NFKC", segment.decode("utf-8", "replace"))
    if "/" in text or "\\" in text:
        return True
    name = text.partition(";")[0].strip()
    return bool(name) and not name.replace(" ", "").strip(".")

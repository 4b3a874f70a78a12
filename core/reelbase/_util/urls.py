"""URLs: which part may be shown, what makes one unacceptable, and whether one is below another."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_PARTS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#@]*@)?([^?#]*)([?#].*)?", re.DOTALL)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPED: Final = re.compile(r"%(?:2e|2f|5c|00)", re.IGNORECASE)
_IPV6: Final = re.compile(r"\[[0-9A-Fa-f:.]+\]")
MAX_URL_CHARACTERS: Final = 8192
#: Schemes whose hosts are names of the domain name system (RFC 9110, 4.2), with their default ports. In other schemes
#: the host is whatever the service defines, such as a bucket.
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class Flaw(NamedTuple):
    """Why a text is not an unambiguous absolute URL.

    Attributes:
        what: What is wrong, to follow the URL in a message: "has a backslash".
        todo: What to do about it.
    """

    what: str
    todo: str


def redacted(url: str) -> str:
    """Return the URL without user, password, query and fragment, which may hold signatures and tokens.

    Use it wherever a URL is shown or logged. A query is replaced by ``?…``.

    Args:
        url: Any text. One that is not a URL is returned as it is.
    """
    parts = _PARTS.fullmatch(url)
    return url if parts is None else f"{parts[1]}{parts[2]}{'?…' if parts[3] else ''}"


def find_flaw(url: str) -> Flaw | None:
    """Return what makes a URL unacceptable, or None.

    Two programs that parse an accepted URL must find the same host and path. Otherwise a check here could pass a URL
    that the HTTP library then reads as another one.
    """
    if not url or len(url) > MAX_URL_CHARACTERS:
        return Flaw("is not a URL", "Give one of at most 8192 characters.")
    if _CONTROL.search(url) or url != url.strip():
        return Flaw("has control characters, or blanks around it", "Take them away.")
    if "\\" in url:
        return Flaw("has a backslash", "Write / between folders.")
    parts = _URL.fullmatch(url)
    if parts is None or "::" in _IPV6.sub("", url):
        return Flaw("is not one absolute URL", "Write scheme://host/folder/file.mp4.")
    return _find_flaw_in_place(parts[2], parts[3])


def _find_flaw_in_place(host: str, path: str) -> Flaw | None:
    if "@" in host:
        return Flaw("names a user before its host", "Name credentials instead.")
    if _ESCAPED.search(host + path):
        return Flaw("has an escaped dot, slash or NUL", "Write the path as it is.")
    if {".", ".."} & set(path.split("/")):
        return Flaw("has '.' or '..' in its path", "Write the path without.")
    return None


def split_host_and_query(url: str) -> tuple[str, str]:
    """Return the host with its port, and the text after the question mark, of a URL that `find_flaw` accepts."""
    parts = _URL.fullmatch(url)
    return ("", "") if parts is None else (parts[2], (parts[4] or "?")[1:])


def canonicalize(url: str) -> str:
    """Return the URL in the one spelling in which URLs are compared.

    It has no query and no default port, its scheme is in lower case, and a host name is in its ASCII form, so that a
    look-alike with letters of another alphabet is a different host.

    Raises:
        ValueError: the URL has a flaw, or its host is not a valid name.
    """
    if found := find_flaw(url):
        raise ValueError(found.what)
    parts = _URL.fullmatch(url)
    assert parts is not None  # noqa: S101 - it has no flaw
    scheme, host = parts[1].lower(), parts[2]
    if scheme in _DEFAULT_PORTS:
        host = _to_ascii(host).removesuffix(f":{_DEFAULT_PORTS[scheme]}").rstrip(".")
    return f"{scheme}://{host}{parts[3]}"


def _to_ascii(host: str) -> str:
    lowered = host.lower()
    return lowered if lowered.isascii() else lowered.encode("idna").decode()  # UnicodeError is a ValueError


def is_below(url: str, prefix: str) -> bool:
    """Return True if a canonical URL equals a canonical prefix, or continues it after a slash.

    ``/trainX`` is not below ``/train``.
    """
    start = prefix.rstrip("/")
    return url.rstrip("/") == start or url.startswith(f"{start}/")

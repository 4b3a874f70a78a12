"""URLs: what of them may be shown, what is wrong with them, and which are below which."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_PARTS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#@]*@)?([^?#]*)([?#].*)?", re.DOTALL)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPED: Final = re.compile(r"%(?:2e|2f|5c|00)", re.IGNORECASE)
_IPV6: Final = re.compile(r"\[[0-9A-Fa-f:.]+\]")
MAX_URL_CHARACTERS: Final = 8192
#: Their hosts are names of the domain name system (RFC 9110, 4.2); of other schemes they are what a service makes them.
_PORTS: Final = {"http": "80", "https": "443"}


class Flaw(NamedTuple):
    """Why a text is not one absolute URL that says one thing, and what to do."""

    what: str
    todo: str


def redacted(url: str) -> str:
    """The URL without user, password, query (``?…``) and fragment: signatures and tokens are there."""
    parts = _PARTS.fullmatch(url)
    return url if parts is None else f"{parts[1]}{parts[2]}{'?…' if parts[3] else ''}"


def flaw(url: str) -> Flaw | None:
    """What is wrong with it: readers that take it apart must not come to different ends."""
    if not url or len(url) > MAX_URL_CHARACTERS:
        return Flaw("is not a URL", "Give one of at most 8192 characters.")
    if _CONTROL.search(url) or url != url.strip():
        return Flaw("has control characters, or blanks around it", "Take them away.")
    if "\\" in url:
        return Flaw("has a backslash", "Write / between folders.")
    parts = _URL.fullmatch(url)
    if parts is None or "::" in _IPV6.sub("", url):
        return Flaw("is not one absolute URL", "Write scheme://host/folder/file.mp4.")
    return _flaw_of_place(parts[2], parts[3])


def _flaw_of_place(host: str, path: str) -> Flaw | None:
    if "@" in host:
        return Flaw("names a user before its host", "Name credentials instead.")
    if _ESCAPED.search(host + path):
        return Flaw("has an escaped dot, slash or NUL", "Write the path as it is.")
    if {".", ".."} & set(path.split("/")):
        return Flaw("has '.' or '..' in its path", "Write the path without.")
    return None


def host_and_query(url: str) -> tuple[str, str]:
    """The host with its port, and what follows the question mark, of a URL without a `flaw`."""
    parts = _URL.fullmatch(url)
    return ("", "") if parts is None else (parts[2], (parts[4] or "?")[1:])


def canonical(url: str) -> str:
    """A URL without a `flaw` in the one spelling that is compared: no query, no usual port, hosts in their ASCII form.

    Raises:
        ValueError: it has a flaw, or its host is none.
    """
    if found := flaw(url):
        raise ValueError(found.what)
    parts = _URL.fullmatch(url)
    assert parts is not None  # noqa: S101 - it has no flaw
    scheme, host = parts[1].lower(), parts[2]
    if scheme in _PORTS:
        host = _ascii(host).removesuffix(f":{_PORTS[scheme]}").rstrip(".")
    return f"{scheme}://{host}{parts[3]}"


def _ascii(host: str) -> str:
    lowered = host.lower()
    return lowered if lowered.isascii() else lowered.encode("idna").decode()  # UnicodeError is a ValueError


def lies_below(url: str, prefix: str) -> bool:
    """Whether a canonical URL is a canonical prefix, or goes on behind a slash there: ``/train`` is not ``/trainX``."""
    start = prefix.rstrip("/")
    return url.rstrip("/") == start or url.startswith(f"{start}/")

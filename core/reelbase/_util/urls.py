"""URLs: what of them may be shown, what is wrong with them, and which are below which."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from reelbase._util import url_paths
from reelbase._util.url_secrets import without_path_secrets

#: A host, and a port: what stands between the slashes when no password is there.
_PLAIN_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%]*\]|[^:]*)(?::\d*)?")
_IN_SCHEMES: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-")
_QUOTES: Final = "'\"`"
_END_IN_TEXT: Final = re.compile(r"[\s'\"`<>]")
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
    """The URL without user, password, query (``?…``) and fragment: signatures and tokens are there.

    Signatures, tokens and sessions in its path are replaced by ``…``. A text that is no URL stays as it is, but of one
    that holds a URL (``cache::https://…``) everything behind that URL's path goes.
    """
    _, place = _find_url(url)
    if place < 0:
        return url
    behind = re.split("[?#]", url[place:], maxsplit=1)
    host, slash, path = behind[0].partition("/")
    host = host.rpartition("@")[2]
    if "@" in path and not _PLAIN_HOST.fullmatch(host):  # a password with a slash in it
        host, slash, path = "…", "", ""
    shown = without_path_secrets(f"{slash}{path}")
    return f"{url[:place]}{host}{shown}{'?…' if behind[1:] else ''}"


def redacted_text(text: str) -> str:
    """A text with every URL in it `redacted`: for messages that somebody else composed."""
    done: list[str] = []
    rest = text
    while True:
        start, place = _find_url(rest)
        if place < 0:
            return "".join([*done, rest])
        quote = rest[start - 1 : start]
        # What is quoted may hold blanks; else a URL ends at one, and what ends a clause is not part of it.
        found = rest.find(quote, place) if quote and quote in _QUOTES else -1
        ended = _END_IN_TEXT.search(rest, place)
        end = found if found >= 0 else ended.start() if ended else len(rest)
        url = rest[start:end].rstrip(".,:;)") if found < 0 else rest[start:end]
        done += [rest[:start], redacted(url)]
        rest = rest[start + len(url) :]


def _find_url(text: str) -> tuple[int, int]:
    """Where the first URL of a text begins, and where its host does; -1 if there is none."""
    at = text.find("://")
    while at >= 0:
        start = at
        while start and text[start - 1] in _IN_SCHEMES:
            start -= 1
        if start < at:
            return start, at + 3
        at = text.find("://", at + 3)
    return -1, -1


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
    ambiguous = url_paths.ambiguity(path)
    return None if ambiguous is None else Flaw(ambiguous, "Servers may read it differently: write the path without.")


def host_of(url: str) -> str:
    """The host, with its port, of a URL without a `flaw`."""
    parts = _URL.fullmatch(url)
    return "" if parts is None else parts[2]


def canonical(url: str) -> str:
    """A URL without a `flaw` in the one spelling that is compared.

    It has no query and no usual port; on the web its host is in ASCII, and what its path escapes without need is not
    escaped. Paths of other services are names, of which every character counts.

    Raises:
        ValueError: it has a flaw, or its host is none.
    """
    if found := flaw(url):
        raise ValueError(found.what)
    parts = _URL.fullmatch(url)
    assert parts is not None  # noqa: S101 - it has no flaw
    scheme, host, path = parts[1].lower(), parts[2], parts[3]
    if scheme in _PORTS:
        if url_paths.has_stray_percent(path):
            raise ValueError("has a percent sign that begins no escape")
        host = _ascii(host).removesuffix(f":{_PORTS[scheme]}").rstrip(".")
        path = url_paths.spell(path)
    return f"{scheme}://{host}{path}"


def _ascii(host: str) -> str:
    lowered = host.lower()
    return lowered if lowered.isascii() else lowered.encode("idna").decode()  # UnicodeError is a ValueError


def lies_below(url: str, prefix: str) -> bool:
    """Whether a canonical URL is a canonical prefix, or goes on behind a slash there: ``/train`` is not ``/trainX``."""
    start = prefix.rstrip("/")
    return url.rstrip("/") == start or url.startswith(f"{start}/")

"""URLs: which part may be shown, what makes one unacceptable, and whether one is below another."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from reelbase._util import url_paths
from reelbase._util.url_secrets import redact_path

#: A host, and a port: what is between the slashes when no password is there.
_PLAIN_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%]*\]|[^:]*)(?::\d*)?")
_IN_SCHEMES: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-")
_QUOTES: Final = "'\"`"
_END_IN_TEXT: Final = re.compile(r"[\s'\"`<>]")
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

    Use it wherever a URL is shown or logged. A query is replaced by ``?…``, and so are signatures, tokens and session
    ids in the path.

    Args:
        url: Any text. One without a URL is returned as it is; of a chain (``cache::https://…``) the URL is redacted.
    """
    _, place = _find_url(url)
    if place < 0:
        return url
    behind = re.split("[?#]", url[place:], maxsplit=1)
    host, slash, path = behind[0].partition("/")
    host = host.rpartition("@")[2]
    if "@" in path and not _PLAIN_HOST.fullmatch(host):  # a password with a slash in it
        host, slash, path = "…", "", ""
    shown = redact_path(f"{slash}{path}")
    return f"{url[:place]}{host}{shown}{'?…' if behind[1:] else ''}"


def redacted_text(text: str) -> str:
    """Return the text with every URL in it `redacted`. Use it for messages that another library wrote."""
    done: list[str] = []
    rest = text
    while True:
        start, place = _find_url(rest)
        if place < 0:
            return "".join([*done, rest])
        quote = rest[start - 1 : start]
        # A quoted URL may contain blanks. Any other ends at a blank, and punctuation after it is not part of it.
        found = rest.find(quote, place) if quote and quote in _QUOTES else -1
        ended = _END_IN_TEXT.search(rest, place)
        end = found if found >= 0 else ended.start() if ended else len(rest)
        url = rest[start:end].rstrip(".,:;)") if found < 0 else rest[start:end]
        done += [rest[:start], redacted(url)]
        rest = rest[start + len(url) :]


def _find_url(text: str) -> tuple[int, int]:
    """Return where the first URL of a text begins, and where its host does; -1 if there is none.

    It is not a regular expression because those take quadratic time for long texts without a URL.
    """
    at = text.find("://")
    while at >= 0:
        start = at
        while start and text[start - 1] in _IN_SCHEMES:
            start -= 1
        if start < at:
            return start, at + 3
        at = text.find("://", at + 3)
    return -1, -1


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
        return Flaw(
            "is not one absolute URL",
            "Write scheme://host/folder/file.mp4, or file:///folder/file.mp4 on this machine.",
        )
    return _find_flaw_in_place(parts[2], parts[3])


def _find_flaw_in_place(host: str, path: str) -> Flaw | None:
    if "@" in host:
        return Flaw("names a user before its host", "Name credentials instead.")
    if _ESCAPED.search(host + path):
        return Flaw("has an escaped dot, slash or NUL", "Write the path as it is.")
    ambiguous = url_paths.find_ambiguity(path)
    return None if ambiguous is None else Flaw(ambiguous, "Write the path without it: servers may read it differently.")


def get_host(url: str) -> str:
    """Return the host with its port of a URL that `find_flaw` accepts."""
    parts = _URL.fullmatch(url)
    return "" if parts is None else parts[2]


def canonicalize(url: str) -> str:
    """Return the URL in the one spelling in which URLs are compared.

    It has no query and no default port, its scheme is in lower case, and a host name is in its ASCII form, so that a
    look-alike with letters of another alphabet is a different host. In a path of the web, characters that need no
    escape are not escaped. Paths of other services are names in which every character counts.

    Raises:
        ValueError: the URL has a flaw, or its host is not a valid name.
    """
    if found := find_flaw(url):
        raise ValueError(found.what)
    parts = _URL.fullmatch(url)
    assert parts is not None  # noqa: S101 - it has no flaw
    scheme, host, path = parts[1].lower(), parts[2], parts[3]
    if scheme in _DEFAULT_PORTS:
        if url_paths.has_stray_percent(path):
            raise ValueError("has a percent sign that begins no escape")
        host = _to_ascii(host).removesuffix(f":{_DEFAULT_PORTS[scheme]}").rstrip(".")
        path = url_paths.normalize(path)
    return f"{scheme}://{host}{path}"


def _to_ascii(host: str) -> str:
    lowered = host.lower()
    return lowered if lowered.isascii() else lowered.encode("idna").decode()  # UnicodeError is a ValueError


def is_below(url: str, prefix: str) -> bool:
    """Return True if a canonical URL equals a canonical prefix, or continues it after a slash.

    ``/trainX`` is not below ``/train``.
    """
    start = prefix.rstrip("/")
    return url.rstrip("/") == start or url.startswith(f"{start}/")

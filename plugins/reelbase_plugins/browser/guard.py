"""Which requests the server answers. Pure.

A page of another site can make the user's browser send requests to this server, by its address or through a host name
of its own that it points to 127.0.0.1 (DNS rebinding). So a request must name a loopback host, carry the token, and
not come from another site (Fetch Metadata, W3C).
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Sent with every answer.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OWN_SITES: Final = {"same-origin", "none"}
_HOST: Final = re.compile(r"(localhost|[0-9]+(?:\.[0-9]+){3}|\[::1\])(?::([0-9]{1,5}))?", re.IGNORECASE)
#: Of which a second one could be the one that counts for somebody else.
_ONCE: Final = {"host", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "range", "content-length"}


def new_token() -> str:
    """A token of 192 random bits."""
    return secrets.token_urlsafe(24)


def is_token(given: str, token: str) -> bool:
    """Compare in constant time, so that the token cannot be guessed character by character."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())


def is_local(host: str) -> bool:
    """Return True if a Host header names the loopback interface, and nothing else is in it.

    Any port: a proxy may forward another one. Of IPv6 the one usual spelling, ``[::1]``.
    """
    match = _HOST.fullmatch(host)
    if match is None or int(match[2] or 0) > 65535:
        return False
    if not match[1][0].isdigit():
        return True
    try:
        return ipaddress.IPv4Address(match[1]).is_loopback
    except ValueError:
        return False


def check_headers(headers: Iterable[tuple[str, str]]) -> str | None:
    """The reason to refuse a request because of its headers; None if there is none.

    Args:
        headers: Names and values as they were sent; names are compared without case.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.strip().lower()
        if key in found and key in _ONCE:
            return f"it has two headers {key!r}"
        found.setdefault(key, value.strip())
    if "transfer-encoding" in found or found.get("content-length", "0") != "0":
        return "it has a body, which requests for reading have not"
    if not is_local(found.get("host", "")):
        return "the Host is not this machine"
    site = found.get("sec-fetch-site", "none").lower()
    if site in _OWN_SITES:
        return None
    if (found.get("sec-fetch-mode", "").lower(), found.get("sec-fetch-dest", "").lower()) == ("navigate", "document"):
        return None  # a link that the user followed: the other site does not see the answer
    return "it comes from another site"

"""Checks of the requests that the server answers. Pure functions.

A page of another site can make the user's browser send requests to this server, either by its address or by a host name
that the site points to 127.0.0.1 (DNS rebinding). So a request must name a loopback host, contain the token, and not
come from another site (Fetch Metadata, W3C).
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Sent with every answer. The policy allows no inline scripts, and no requests to other hosts.
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
#: Headers of which a request may have one only: a proxy may go by the first, and this server by the second.
_ONCE: Final = {"host", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "range", "content-length"}


def make_token() -> str:
    """Return a token of 192 random bits."""
    return secrets.token_urlsafe(24)


def is_token(given: str, token: str) -> bool:
    """Return True if `given` is the token. The time does not depend on how many characters are right."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())


def is_local(host: str) -> bool:
    """Return True if a Host header is exactly a loopback name or address, with or without a port.

    The port is not compared because a proxy may forward another one. IPv6 has one accepted spelling, ``[::1]``.
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
    """Return the reason to refuse a request with these headers; None to accept it.

    Args:
        headers: Names and values as they were sent. Names are compared without case (RFC 9110, 5.1).
    """
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.strip().lower()
        if key in found and key in _ONCE:
            return f"it has two headers {key!r}"
        found.setdefault(key, value.strip())
    if "transfer-encoding" in found or found.get("content-length", "0") != "0":
        return "it has a body, and only reading is possible"
    if not is_local(found.get("host", "")):
        return "the Host is not this machine"
    # absent in old browsers and in programs; the token is still checked
    if found.get("sec-fetch-site", "none").lower() in _OWN_SITES:
        return None
    if (found.get("sec-fetch-mode", "").lower(), found.get("sec-fetch-dest", "").lower()) == ("navigate", "document"):
        return None  # a link that the user followed: the other site does not see the answer
    return "it comes from another site"

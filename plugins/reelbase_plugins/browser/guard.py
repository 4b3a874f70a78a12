"""Checks of the requests that the server answers. Pure functions.

A page of another site can make the user's browser send requests to this server, either by its address or by a host name
that the site points to 127.0.0.1 (DNS rebinding). So a request must name a loopback host, contain the token, and not
come from another site (Fetch Metadata, W3C).
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def make_token() -> str:
    """Return a token of 192 random bits."""
    return secrets.token_urlsafe(24)


def is_token(given: str, token: str) -> bool:
    """Return True if `given` is the token. The time does not depend on how many characters are right."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())


def is_local(host: str) -> bool:
    """Return True if a Host header names the loopback interface; any port, since a proxy may forward another one."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_headers(headers: Mapping[str, str]) -> str | None:
    """Return the reason to refuse a request with these headers; None to accept it."""
    if not is_local(headers.get("Host", "")):
        return "the Host is not this machine"
    site = headers.get("Sec-Fetch-Site")  # absent in old browsers and in programs; the token is still checked
    if site is None or site in _OWN_SITES:
        return None
    if headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document":
        return None  # a link that the user followed: the other site does not see the answer
    return "it comes from another site"

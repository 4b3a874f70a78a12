"""Who may ask. Pure.

A page of another site can make the user's browser ask this server, by address or by a name of its own that it lets
point to 127.0.0.1 (DNS rebinding). So a request must name a loopback host, bring the token, and not come from another
site (Fetch Metadata, W3C).
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_OURS: Final = {"same-origin", "none"}


def new_token() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(24)


def opens(given: str, token: str) -> bool:
    """Whether it is the token; takes as long either way."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())


def is_local(host: str) -> bool:
    """Whether a Host header names this machine to itself; the port may be a proxy's."""
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


def refused(headers: Mapping[str, str]) -> str | None:
    """Why a request is refused by its headers; None: it is not."""
    if not is_local(headers.get("Host", "")):
        return "the Host is not this machine"
    site = headers.get("Sec-Fetch-Site")
    if site is None or site in _OURS:
        return None
    if headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document":
        return None  # a link that the user followed: it shows the page, and tells nobody
    return "it comes from another site"

"""Which addresses may be asked: a link from a stranger must not reach what only this machine reaches.

A name is looked up once and what was found is what is connected to, so that it cannot lead elsewhere a moment later
(DNS rebinding). Every redirect is looked at again.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase.errors import ConfigError, ConnectionFailedError, LinkRefusedError
from reelbase_plugins._remote.retry import Transient

if TYPE_CHECKING:
    from reelbase_plugins.http.address import Address

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ANY: Final = "any"
PUBLIC: Final = "public"
#: NAT64 (RFC 6052, RFC 8215): the last four bytes are an address of IPv4.
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


@dataclass(frozen=True)
class Guard:
    """What may be reached.

    Attributes:
        networks: These alone; None: all that is public.
    """

    networks: tuple[Network, ...] | None

    @classmethod
    def of(cls, allowed: str) -> Guard | None:
        """From "any" (None: nothing is looked at), "public", or networks with commas between.

        Raises:
            ConfigError: it is none of these.
        """
        if allowed == ANY:
            return None
        if allowed == PUBLIC:
            return cls(None)
        try:
            return cls(tuple(ipaddress.ip_network(one.strip()) for one in allowed.split(",")))
        except ValueError:
            raise ConfigError(
                f"{allowed!r} are not networks.", f'Write "{ANY}", "{PUBLIC}", or networks such as 10.2.0.0/16.'
            ) from None

    def place(self, address: Address) -> str:
        """The IP address to connect to.

        Raises:
            LinkRefusedError: none that the host has may be reached.
            Transient: nobody knows the host.
        """
        found = _looked_up(address)
        for item in found:
            if self.allows(item):
                return str(item)
        where = "what is public" if self.networks is None else ", ".join(map(str, self.networks))
        raise LinkRefusedError(
            f"{address} leads to {found[0]}, and only {where} may be reached.",
            "Change network under [security] in your own configuration if it is meant.",
        )

    def allows(self, found: Ip) -> bool:
        """Whether an address may be reached, also in the name of the one that it stands for."""
        meant = _meant(found)
        if self.networks is None:
            return all(one.is_global and not one.is_multicast for one in meant)
        return all(any(one in network for network in self.networks) for one in meant)


def _looked_up(address: Address) -> list[Ip]:
    host = address.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        known = None
    else:
        known = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not known:
        raise Transient(ConnectionFailedError(f"{address}: no host of that name is known.", "Check the URL."))
    return known


def _meant(found: Ip) -> list[Ip]:
    """The address, and those of IPv4 that are in it: mapped, 6to4, Teredo, NAT64."""
    if isinstance(found, ipaddress.IPv4Address):
        return [found]
    inner: list[Ip] = [one for one in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if one]
    if any(found in network for network in _NAT64):
        inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    return inner or [found]

"""Restriction of the IP addresses that links may reach.

A link in a dataset from somebody else must not read from services that only this machine can reach, such as those of
its own network (server-side request forgery). A host name is resolved once, and the connection goes to the address
that was checked, so that a second look-up cannot give another one (DNS rebinding). Every redirect is checked again.
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
#: NAT64 (RFC 6052, RFC 8215): the last four bytes are an IPv4 address.
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


@dataclass(frozen=True)
class Guard:
    """The addresses that may be reached.

    Attributes:
        networks: Allowed networks; None allows all public addresses.
    """

    networks: tuple[Network, ...] | None

    @classmethod
    def of(cls, allowed: str) -> Guard | None:
        """Make a guard from the value of an option.

        Args:
            allowed: "any", "public", or networks separated by commas.

        Returns:
            None for "any": nothing has to be checked.

        Raises:
            ConfigError: the value is invalid.
        """
        if allowed == ANY:
            return None
        if allowed == PUBLIC:
            return cls(None)
        try:
            return cls(tuple(ipaddress.ip_network(network.strip()) for network in allowed.split(",")))
        except ValueError:
            raise ConfigError(
                f"{allowed!r} is not a list of networks.",
                f'Write "{ANY}", "{PUBLIC}", or networks such as 10.2.0.0/16.',
            ) from None

    def resolve(self, address: Address) -> str:
        """Resolve the host and return the IP address to connect to.

        Raises:
            LinkRefusedError: none of the host's addresses may be reached.
            Transient: the host name could not be resolved.
        """
        found = _resolve(address)
        for ip in found:
            if self.allows(ip):
                return str(ip)
        where = "public addresses" if self.networks is None else ", ".join(map(str, self.networks))
        raise LinkRefusedError(
            f"{address} leads to {found[0]}, and only {where} may be reached.",
            "If this address is intended, change network under [security] in your own configuration.",
        )

    def allows(self, ip: Ip) -> bool:
        """Return True if an address may be reached, and so may any IPv4 address that is embedded in it."""
        targets = _find_targets(ip)
        if self.networks is None:
            return all(target.is_global and not target.is_multicast for target in targets)
        return all(any(target in network for network in self.networks) for target in targets)


def _resolve(address: Address) -> list[Ip]:
    host = address.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        known = None
    else:
        known = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not known:
        raise Transient(ConnectionFailedError(f"{address}: the host name could not be resolved.", "Check the URL."))
    return known


def _find_targets(ip: Ip) -> list[Ip]:
    """Return the IPv4 addresses that an address embeds (mapped, 6to4, Teredo, NAT64), or else the address itself.

    Otherwise ``::ffff:127.0.0.1`` would reach this machine although ``127.0.0.1`` is not allowed.
    """
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    embedded: list[Ip] = [inner for inner in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if inner]
    if any(ip in network for network in _NAT64):
        embedded.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return embedded or [ip]

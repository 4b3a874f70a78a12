"""Requests to a web server, following redirects."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from reelbase_plugins.http.connections import get_pool_manager
from reelbase_plugins.http.failures import failing
from reelbase_plugins.http.redirects import Hops
from reelbase_plugins.http.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import HTTPConnectionPool

    from reelbase_plugins.http.address import Address
    from reelbase_plugins.http.guard import Guard
    from reelbase_plugins.http.login import Login

#: Sent with every request. "identity": a range of a compressed body would not be a range of the file.
_DEFAULT_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "reelbase"}


class Client:
    """Sends requests with one set of credentials.

    Args:
        login: Credentials of the server.
        timeout: Seconds to wait for a connection, and for the next bytes of a reply.
        guard: Addresses that may be connected to; None allows all.
    """

    def __init__(self, login: Login, timeout: float, guard: Guard | None = None) -> None:
        self._login = login
        self._timeout = timeout
        self._guard = guard

    @contextmanager
    def ask(self, method: str, address: Address, headers: Mapping[str, str], left: float) -> Iterator[Reply]:
        """Send a request, follow redirects, and yield the reply.

        Args:
            method: "GET" or "HEAD".
            address: Address on the server that the credentials are for.
            headers: Headers to send in addition to the default ones.
            left: Seconds in which the whole body must arrive.

        Raises:
            Transient, StorageError: there is no reply.
        """
        end = time.monotonic() + left
        hops = Hops(address, self._login)
        while True:
            reply = self._send(method, hops, headers, end)
            try:
                if not hops.follow(reply):
                    yield reply
                    return
            finally:
                reply.close()

    def _send(self, method: str, hops: Hops, headers: Mapping[str, str], end: float) -> Reply:
        from urllib3 import Timeout

        address = hops.address
        seconds = max(0.001, min(self._timeout, end - time.monotonic()))
        # Credentials are not sent to another server that this one redirects to.
        login = self._login.headers() if hops.at_home else {}
        with failing(address):
            response = self._get_connection_pool(address).urlopen(
                method, address.target,
                headers={**login, **_DEFAULT_HEADERS, "Host": address.authority, **headers},
                timeout=Timeout(connect=seconds, read=seconds),
                # RetryPolicy and Hops do this: urllib3 would send credentials and skip the guard after a redirect.
                retries=False, redirect=False, preload_content=False, decode_content=False,
            )  # fmt: skip
        return Reply(response, address, end)

    def _get_connection_pool(self, address: Address) -> HTTPConnectionPool:
        if self._guard is None:
            return get_pool_manager().connection_from_host(address.host, address.port, address.scheme)
        # Connect to the address that the guard has checked. A second look-up could give another one (DNS rebinding).
        # TLS still verifies the certificate against the host name.
        ip = self._guard.resolve(address)
        names = {"server_hostname": address.host, "assert_hostname": address.host} if address.scheme == "https" else {}
        return get_pool_manager().connection_from_host(ip, address.port, address.scheme, pool_kwargs=names or None)

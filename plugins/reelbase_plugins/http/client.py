"""Ask a web server, and whoever it sends us to."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from reelbase_plugins.http.connections import manager
from reelbase_plugins.http.failures import failing
from reelbase_plugins.http.logs import redacted_logs
from reelbase_plugins.http.redirects import Hops
from reelbase_plugins.http.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import HTTPConnectionPool

    from reelbase_plugins.http.address import Address
    from reelbase_plugins.http.guard import Guard
    from reelbase_plugins.http.login import Login

#: Bytes as they are stored: ranges of something compressed on its way would be other bytes.
_ALWAYS: Final = {"Accept-Encoding": "identity", "User-Agent": "reelbase"}


class Client:
    """Requests in the name of one user of one server.

    Args:
        login: Who asks.
        timeout: Seconds of silence, of a connection being made or a reply going on, that are too many.
        guard: Which addresses may be asked; None: all.
    """

    def __init__(self, login: Login, timeout: float, guard: Guard | None = None) -> None:
        self._login = login
        self._timeout = timeout
        self._guard = guard

    @contextmanager
    def ask(self, method: str, address: Address, headers: Mapping[str, str], left: float) -> Iterator[Reply]:
        """The reply, after redirects.

        Args:
            method: "GET" or "HEAD".
            address: Of the login's own server.
            headers: Beside those that are always sent.
            left: Seconds until the body must have come.

        Raises:
            Transient, StorageError: none came.
        """
        end = time.monotonic() + left
        hops = Hops(address, self._login)
        while True:
            reply = self._once(method, hops, headers, end)
            try:
                if not hops.follow(reply):
                    yield reply
                    return
            finally:
                reply.close()

    def _once(self, method: str, hops: Hops, headers: Mapping[str, str], end: float) -> Reply:
        from urllib3 import Timeout

        address = hops.address
        patience = max(0.001, min(self._timeout, end - time.monotonic()))
        login = self._login.headers() if hops.at_home else {}
        with failing(address), redacted_logs():
            response = self._connections(address).urlopen(
                method, address.target,
                headers={**login, **_ALWAYS, "Host": address.authority, **headers},
                timeout=Timeout(connect=patience, read=patience),
                retries=False, redirect=False, preload_content=False, decode_content=False,
            )  # fmt: skip
        return Reply(response, address, end)

    def _connections(self, address: Address) -> HTTPConnectionPool:
        if self._guard is None:
            return manager().connection_from_host(address.host, address.port, address.scheme)
        place = self._guard.place(address)
        names = {"server_hostname": address.host, "assert_hostname": address.host} if address.scheme == "https" else {}
        return manager().connection_from_host(place, address.port, address.scheme, pool_kwargs=names or None)

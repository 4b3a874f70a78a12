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

    from reelbase_plugins.http.address import Address
    from reelbase_plugins.http.login import Login

#: Bytes as they are stored: ranges of something compressed on its way would be other bytes.
_ALWAYS: Final = {"Accept-Encoding": "identity", "User-Agent": "reelbase"}


class Client:
    """Requests in the name of one user of one server.

    Args:
        login: Who asks.
        timeout: Seconds of silence, of a connection being made or a reply going on, that are too many.
    """

    def __init__(self, login: Login, timeout: float) -> None:
        self._login = login
        self._timeout = timeout

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
        hops = Hops(address)
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
        with failing(address), redacted_logs():
            response = manager().connection_from_host(address.host, address.port, address.scheme).urlopen(
                method, address.target,
                headers={**(self._login.headers() if hops.at_home else {}), **_ALWAYS, **headers},
                timeout=Timeout(connect=patience, read=patience),
                retries=False, redirect=False, preload_content=False, decode_content=False,
            )  # fmt: skip
        return Reply(response, address, end)

"""Requests with an access token. It is refreshed once for all threads, and once more if the service rejects it.

google-auth-httplib2 is not used for this. It calls `before_request`, which also starts a thread that sends a service
account's token to another host (``iamcredentials.googleapis.com``), on a connection that another thread is using.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Signer:
    """Adds a valid token to headers. All connections of a process share one signer.

    Args:
        credentials: Credentials of `google.auth`.
    """

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()

    def sign(self, headers: dict[str, str], http: Any) -> str | None:
        """Add a valid token to `headers` and return it. `http` is used if the token must be refreshed first."""
        with self._lock:
            if not self._credentials.valid:
                self._refresh(http)
            self._credentials.apply(headers)
            token: str | None = self._credentials.token
            return token

    def renew(self, refused: str | None, http: Any) -> None:
        """Replace a token that the service refused, unless another thread has done so already."""
        with self._lock:
            if self._credentials.token == refused:
                self._refresh(http)

    def _refresh(self, http: Any) -> None:
        from google_auth_httplib2 import Request

        self._credentials.refresh(Request(http))


class SignedHttp:
    """An ``httplib2.Http`` that signs its requests. Only one thread at a time may use it.

    Args:
        signer: Signer of the process.
        http: Connection that sends the requests.
    """

    def __init__(self, signer: Signer, http: Any) -> None:
        self._signer = signer
        self._http = http

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        """Send a request, like ``httplib2.Http.request``. If the token is refused, it is replaced once."""
        signed = dict(headers or {})
        token = self._signer.sign(signed, self._http)
        reply = self._http.request(uri, method, body=body, headers=signed, **more)
        if reply[0].status != 401:
            return reply
        self._signer.renew(token, self._http)
        signed = dict(headers or {})
        self._signer.sign(signed, self._http)
        return self._http.request(uri, method, body=body, headers=signed, **more)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

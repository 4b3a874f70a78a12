"""Requests with an access token: refreshed once for all threads, and once more if the service does not take it.

google-auth-httplib2 could do it, but calls `before_request`, which also starts a thread that sends a service account's
token to a host of its own choice (``iamcredentials.googleapis.com``), on a connection that another thread is using.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Signer:
    """Puts a valid token into headers; shared by all connections of a process.

    Args:
        credentials: Of `google.auth`.
    """

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()

    def sign(self, headers: dict[str, str], http: Any) -> str | None:
        """Sign; the token that was used."""
        with self._lock:
            if not self._credentials.valid:
                self._refresh(http)
            self._credentials.apply(headers)
            token: str | None = self._credentials.token
            return token

    def renew(self, refused: str | None, http: Any) -> None:
        """Get a new token in place of one that was refused, unless another thread has done so."""
        with self._lock:
            if self._credentials.token == refused:
                self._refresh(http)

    def _refresh(self, http: Any) -> None:
        from google_auth_httplib2 import Request

        self._credentials.refresh(Request(http))


class SignedHttp:
    """What Google's client takes for an ``httplib2.Http``; for one thread at a time.

    Args:
        signer: The signer of the process.
        http: The connection.
    """

    def __init__(self, signer: Signer, http: Any) -> None:
        self._signer = signer
        self._http = http

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        """As of ``httplib2.Http``; a token that is refused is replaced once."""
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

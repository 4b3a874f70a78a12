"""Credentials from a server: short-lived ones, for some prefixes only. The server keeps the long-lived ones."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reelbase.errors import AccessDeniedError, ConfigError, ConnectionFailedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parse_options, require_option
from reelbase_plugins.credentials.files import read_secret_file
from reelbase_plugins.credentials.json_response import parse_server_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_REPLY_BYTES: Final = 1 << 16
_TIMEOUT_SECONDS: Final = 30.0
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d+){3}|::1")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "managed"``.

    Attributes:
        server: URL of the server: ``https``, or ``http`` on this machine.
        token_file: File with the token that identifies you to the server. Only you may have access to it.
        token_variable: Environment variable with the token; used if there is no `token_file`.
        key: The server's name for the credentials; None uses the name of the table.
    """

    server: str | None = None
    token_file: str | None = None
    token_variable: str | None = None
    key: str | None = None


class ManagedProvider(CredentialProvider):
    """Sends ``POST <server>/v1/credentials`` with ``{"name", "url", "action"}`` and a bearer token.

    The reply has the format of Iceberg's REST catalogue: ``{"storage-credentials": [{"prefix": …, "config": {…}}],
    "expires_at": …}``. Redirects are not followed, because the token would be sent to another server.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parse_options(Options, options, f"credentials.{name}")
        self._server = _check_server(require_option(table.server, f"credentials.{name}.server"), name)
        self._table = table

    def get(self, request: CredentialRequest) -> Credentials:
        """Request the credentials for the URL."""
        body = {"name": self._table.key or self.name, "url": request.url, "action": request.action}
        return parse_server_reply(self._request(json.dumps(body).encode()), self.name, request.url)

    def _request(self, body: bytes) -> bytes:
        from urllib3 import PoolManager, Timeout
        from urllib3.exceptions import HTTPError

        headers = {"Authorization": f"Bearer {self._read_token()}", "Content-Type": "application/json"}
        status, data = 0, b""
        try:
            with PoolManager(retries=2) as pool:
                reply = pool.request(
                    "POST", f"{self._server}/v1/credentials", body=body, headers=headers,
                    redirect=False, preload_content=False, timeout=Timeout(total=_TIMEOUT_SECONDS),
                )  # fmt: skip
                status, data = reply.status, reply.read(MAX_REPLY_BYTES + 1)
        except HTTPError:
            pass  # not chained below: its text contains the request
        if not status:
            raise ConnectionFailedError(
                f"Credentials {self.name!r}: {self._server} does not answer.", "Try again later."
            )
        if status != 200 or len(data) > MAX_REPLY_BYTES:
            raise AccessDeniedError(
                f"Credentials {self.name!r}: {self._server} says {status}.",
                "Ask its administrator whether you may use them.",
            )
        return data

    def _read_token(self) -> str:
        table = self._table
        if table.token_file:
            return read_secret_file(table.token_file, self.name).strip()
        token = os.environ.get(table.token_variable or "", "")
        if not token:
            raise AccessDeniedError(
                f"Credentials {self.name!r}: there is no token for {self._server}.", "Set token_file or token_variable."
            )
        return token


def _check_server(server: str, name: str) -> str:
    parts = urlsplit(server)
    # Without https, everybody on the way could read the token.
    is_loopback = _LOOPBACK.fullmatch(parts.hostname or "")
    if (
        (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback))
        or not parts.hostname
        or parts.username
    ):
        raise ConfigError(f"credentials.{name}.server is not an https URL.", "Write https://host, without a user.")
    return server.rstrip("/")

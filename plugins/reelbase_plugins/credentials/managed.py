"""Credentials that a server gives: short-lived, and for some prefixes only. It never hands out what it keeps."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reelbase.errors import AccessDeniedError, ConfigError, ConnectionFailedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parsed, required
from reelbase_plugins.credentials.files import secret_file
from reelbase_plugins.credentials.json_response import from_server

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_REPLY_BYTES: Final = 1 << 16
_SECONDS: Final = 30.0
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d+){3}|::1")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "managed"``.

    Attributes:
        server: Its URL; https, but on this machine.
        token_file: Holds the token that the server knows you by; only its owner may read it.
        token_variable: The environment variable that holds it, in place of a file.
        key: The server's name for the credentials; by default that of the table.
    """

    server: str | None = None
    token_file: str | None = None
    token_variable: str | None = None
    key: str | None = None


class ManagedProvider(CredentialProvider):
    """Asks ``POST <server>/v1/credentials`` with ``{"name", "url", "action"}`` and a bearer token.

    The answer is that of Iceberg's REST catalogue: ``{"storage-credentials": [{"prefix": …, "config": {…}}],
    "expires_at": …}``. Redirects are not followed.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parsed(Options, options, f"credentials.{name}")
        self._server = _check(required(table.server, f"credentials.{name}.server"), name)
        self._table = table

    def get(self, request: CredentialRequest) -> Credentials:
        """Those for the URL."""
        asked = {"name": self._table.key or self.name, "url": request.url, "action": request.action}
        return from_server(self._answer(json.dumps(asked).encode()), self.name, request.url)

    def _answer(self, body: bytes) -> bytes:
        from urllib3 import PoolManager, Timeout
        from urllib3.exceptions import HTTPError

        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        status, data = 0, b""
        try:
            with PoolManager(retries=2) as pool:
                reply = pool.request(
                    "POST", f"{self._server}/v1/credentials", body=body, headers=headers,
                    redirect=False, preload_content=False, timeout=Timeout(total=_SECONDS),
                )  # fmt: skip
                status, data = reply.status, reply.read(MAX_REPLY_BYTES + 1)
        except HTTPError:
            pass  # its text holds the request
        if not status:
            raise ConnectionFailedError(
                f"Credentials {self.name!r}: {self._server} does not answer.", "Try again later."
            )
        if status != 200 or len(data) > MAX_REPLY_BYTES:
            raise AccessDeniedError(
                f"Credentials {self.name!r}: {self._server} says {status}.", "Ask who runs it whether you may use them."
            )
        return data

    def _token(self) -> str:
        table = self._table
        if table.token_file:
            return secret_file(table.token_file, self.name).strip()
        token = os.environ.get(table.token_variable or "", "")
        if not token:
            raise AccessDeniedError(
                f"Credentials {self.name!r}: there is no token for {self._server}.", "Set token_file or token_variable."
            )
        return token


def _check(server: str, name: str) -> str:
    parts = urlsplit(server)
    is_here = _LOOPBACK.fullmatch(parts.hostname or "")
    if (parts.scheme != "https" and not (parts.scheme == "http" and is_here)) or not parts.hostname or parts.username:
        raise ConfigError(f"credentials.{name}.server is not an https URL.", "Write https://host, without a user.")
    return server.rstrip("/")

"""Credentials from the keyring of the user's desktop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError, ConfigError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parsed, required

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final = ("http", "token", "json")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "keyring"``.

    Attributes:
        service: Under which it is kept.
        username: Whose it is.
        kind: What is kept: "http", the password of that user; "token"; or "json", an object with all fields.
    """

    service: str | None = None
    username: str | None = None
    kind: str = "http"


class KeyringProvider(CredentialProvider):
    """Asks the keyring, which may ask the user."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parsed(Options, options, f"credentials.{name}")
        self._service = required(table.service, f"credentials.{name}.service")
        self._username = required(table.username, f"credentials.{name}.username")
        self._kind = table.kind
        if self._kind not in _KINDS:
            raise ConfigError(f"credentials.{name}.kind is {self._kind!r}.", f"There are: {', '.join(_KINDS)}.")

    def get(self, request: CredentialRequest) -> Credentials:
        """What is kept."""
        secret = self._secret()
        if self._kind == "http":
            return Credentials({"username": self._username, "password": secret})
        if self._kind == "token":
            return Credentials({"token": secret})
        return Credentials(self._fields(secret))

    def _secret(self) -> str:
        import keyring
        from keyring.errors import KeyringError

        try:
            secret = keyring.get_password(self._service, self._username)
        except KeyringError as error:
            raise self._error(f"the keyring says no ({type(error).__name__})") from None
        if secret is None:
            raise self._error(f"the keyring has nothing for {self._username!r} of {self._service!r}")
        return secret

    def _fields(self, secret: str) -> dict[str, Any]:
        try:
            fields = json.loads(secret)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise self._error("what the keyring has is not a JSON object")
        return fields

    def _error(self, what: str) -> AccessDeniedError:
        return AccessDeniedError(f"Credentials {self.name!r}: {what}.", "`keyring set <service> <username>` keeps it.")

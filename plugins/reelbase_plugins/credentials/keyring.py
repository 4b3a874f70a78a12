"""Credentials from the keyring of the desktop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError, ConfigError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parse_options, require_option

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final = ("http", "token", "json")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "keyring"``.

    Attributes:
        service: Name of the service in the keyring.
        username: Name of the user in the keyring.
        kind: What the entry contains: "http", the password of that user; "token", a token; or "json", an object with
            all fields.
    """

    service: str | None = None
    username: str | None = None
    kind: str = "http"


class KeyringProvider(CredentialProvider):
    """Reads an entry of the keyring, which may ask the user to unlock it."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parse_options(Options, options, f"credentials.{name}")
        self._service = require_option(table.service, f"credentials.{name}.service")
        self._username = require_option(table.username, f"credentials.{name}.username")
        self._kind = table.kind
        if self._kind not in _KINDS:
            raise ConfigError(f"credentials.{name}.kind is {self._kind!r}.", f"Choose one of: {', '.join(_KINDS)}.")

    def get(self, request: CredentialRequest) -> Credentials:
        """Read the entry and return its fields."""
        secret = self._read_secret()
        if self._kind == "http":
            return Credentials({"username": self._username, "password": secret})
        if self._kind == "token":
            return Credentials({"token": secret})
        return Credentials(self._parse_fields(secret))

    def _read_secret(self) -> str:
        import keyring
        from keyring.errors import KeyringError

        try:
            secret = keyring.get_password(self._service, self._username)
        except KeyringError as error:
            raise self._make_error(f"the keyring cannot be read ({type(error).__name__})") from None
        if secret is None:
            raise self._make_error(f"the keyring has nothing for {self._username!r} of {self._service!r}")
        return secret

    def _parse_fields(self, secret: str) -> dict[str, Any]:
        try:
            fields = json.loads(secret)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise self._make_error("the entry in the keyring is not a JSON object")
        return fields

    def _make_error(self, what: str) -> AccessDeniedError:
        return AccessDeniedError(
            f"Credentials {self.name!r}: {what}.", "Store it with `keyring set <service> <username>`."
        )

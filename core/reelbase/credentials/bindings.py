"""Bindings: which provider a name of credentials stands for, and below which URLs they may be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reelbase.contracts.credentials import check_prefixes
from reelbase.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reelbase.contracts.credentials import CredentialProvider
    from reelbase.credentials.leases import Lease

MANAGED: Final = "managed"


@dataclass(frozen=True)
class Binding:
    """A name of credentials, with the provider that it stands for.

    Attributes:
        name: The name, as datasets and users write it.
        prefixes: URLs below which the credentials may be used, as `check_prefixes` returns them. Empty allows all URLs
            of storages that always send requests to one service (`StorageSpec.one_service`).
        lease: Returns the credentials, and renews them.
    """

    name: str
    prefixes: tuple[str, ...]
    lease: Lease


@dataclass(frozen=True)
class Configured:
    """A table ``[credentials.<name>]`` of the configuration.

    Attributes:
        name: Name of the table.
        provider: Name of the provider's spec (`CredentialSpec`).
        prefixes: URLs below which the credentials may be used, as in `Binding`.
        options: The rest of the table, for the provider. Not in the repr: they may hold secrets.
    """

    name: str
    provider: str
    prefixes: tuple[str, ...]
    options: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, name: str, table: Mapping[str, Any]) -> Configured:
        """Check a table of the configuration. The provider checks its own options later.

        Args:
            name: Name of the table.
            table: Its content.

        Raises:
            ConfigError: the table names no provider, or a prefix is not a URL.
        """
        options = dict(table)
        provider, prefixes = options.pop("provider", None), options.pop("prefixes", [])
        if not isinstance(provider, str) or not provider:
            raise ConfigError(f"credentials.{name} names no provider.", 'Write provider = "aws", for example.')
        if isinstance(prefixes, str):  # from an environment variable
            prefixes = [prefix.strip() for prefix in prefixes.split(",") if prefix.strip()]
        try:
            return cls(name, provider, check_prefixes(prefixes), options)
        except UsageError as error:
            raise ConfigError(f"credentials.{name}.prefixes: {error}", None) from None

    def make_provider(
        self, provider_class: Callable[[str, Mapping[str, Any]], CredentialProvider]
    ) -> CredentialProvider:
        """Make the provider of this table from its class."""
        return provider_class(self.name, self.options)

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
    """A name of credentials, bound.

    Attributes:
        name: As datasets and users write it.
        prefixes: In the form in which they are compared. Empty: wherever requests go to one service, whatever the URL.
        lease: Gives the credentials.
    """

    name: str
    prefixes: tuple[str, ...]
    lease: Lease


@dataclass(frozen=True)
class Configured:
    """A table ``[credentials.<name>]``.

    Attributes:
        name: Name of the table.
        provider: Name of the plugin.
        prefixes: As in `Binding`.
        options: The rest, for the provider.
    """

    name: str
    provider: str
    prefixes: tuple[str, ...]
    options: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, name: str, table: Mapping[str, Any]) -> Configured:
        """The table, checked as far as it is not the provider's.

        Raises:
            ConfigError: it names no provider, or prefixes that are none.
        """
        options = dict(table)
        provider, prefixes = options.pop("provider", None), options.pop("prefixes", [])
        if not isinstance(provider, str) or not provider:
            raise ConfigError(f"credentials.{name} names no provider.", 'Write provider = "aws", for example.')
        if isinstance(prefixes, str):  # of an environment variable
            prefixes = [one.strip() for one in prefixes.split(",") if one.strip()]
        try:
            return cls(name, provider, check_prefixes(prefixes), options)
        except UsageError as error:
            raise ConfigError(f"credentials.{name}.prefixes: {error}", None) from None

    def made(self, provider_class: Callable[[str, Mapping[str, Any]], CredentialProvider]) -> CredentialProvider:
        """Its provider."""
        return provider_class(self.name, self.options)

"""Core's own providers: credentials in memory, and the service's default credential chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelbase.contracts.credentials import CredentialProvider, CredentialRequest, Credentials
from reelbase.errors import ConfigError, UsageError

#: The name of the service's default credential chain. Every dataset has it.
ENVIRONMENT: Final = "ENV"


class MemoryProvider(CredentialProvider):
    """Returns the credentials that were passed to `Dataset.populate_creds`.

    Args:
        name: Name of the binding.
        options: The credentials.

    Raises:
        ConfigError: a configuration file names this provider. Only a program can use it: files must not hold secrets.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        if not isinstance(options, Credentials):
            raise ConfigError(
                f'credentials.{name} has the provider "memory", which a program fills.',
                'Write provider = "static" and the file that has them, or another one.',
            )
        self._credentials = options

    def get(self, request: CredentialRequest) -> Credentials:
        """Return the credentials, whatever the request."""
        return self._credentials


class EnvironmentProvider(CredentialProvider):
    """Returns no fields, so that the service's library uses its default credential chain."""

    def get(self, request: CredentialRequest) -> Credentials:
        """Return credentials without fields."""
        return Credentials({})


def make_provider(name: str, creds: object, *, from_environment: bool) -> CredentialProvider:
    """Return a provider for the arguments of `Dataset.populate_creds`.

    Args:
        name: Name of the binding.
        creds: Fields, or a provider; None with `from_environment`.
        from_environment: Use the service's default credential chain.

    Raises:
        UsageError: neither or both of `creds` and `from_environment` are given, or `creds` has another type.
    """
    if name == ENVIRONMENT and not from_environment:
        raise UsageError(
            f"{name!r} always names the credentials of the environment: it takes no others.",
            "Add another name for these: ds.add_creds_key(…).",
        )
    if (creds is None) != from_environment:
        raise UsageError(
            f"populate_creds({name!r}) wants creds, or from_environment=True; not both.",
            'Give a dict such as {"aws_access_key_id": …}.',
        )
    if from_environment:
        return EnvironmentProvider(name, {})
    if isinstance(creds, CredentialProvider):
        return creds
    if not isinstance(creds, Mapping):
        raise UsageError("creds is not a mapping.", 'Give a dict such as {"aws_access_key_id": …}.')
    return MemoryProvider(name, creds if isinstance(creds, Credentials) else Credentials(creds))

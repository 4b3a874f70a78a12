"""Providers that core has: credentials in memory, and what the service's own tools find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelbase.contracts.credentials import CredentialProvider, CredentialRequest, Credentials
from reelbase.errors import ConfigError, UsageError


class MemoryProvider(CredentialProvider):
    """Gives what it was given by `Dataset.populate_creds`.

    Args:
        name: Name of the binding.
        options: The credentials.

    Raises:
        ConfigError: it is in a configuration, which is no place for secrets.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        if not isinstance(options, Credentials):
            raise ConfigError(
                f'credentials.{name} has the provider "memory", which a program fills.',
                'Write provider = "static" and the file that has them, or another one.',
            )
        self._given = options

    def get(self, request: CredentialRequest) -> Credentials:
        """What was given."""
        return self._given


class EnvironmentProvider(CredentialProvider):
    """No fields: the service's own tools look for credentials where they always do."""

    def get(self, request: CredentialRequest) -> Credentials:
        """None."""
        return Credentials({})


def make_provider(name: str, creds: object, *, from_environment: bool) -> CredentialProvider:
    """The provider of what a user gave.

    Raises:
        UsageError: nothing was given, or two things.
    """
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

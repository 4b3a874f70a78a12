"""Credentials, and the contract of the providers that return them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NoReturn

from reelbase._util.urls import canonicalize, is_below
from reelbase.errors import UsageError

RENEW_BEFORE_END: Final = timedelta(seconds=60)


class Credentials(Mapping[str, Any]):
    """Fields such as ``aws_access_key_id``; each storage defines its own. Equal if the fields are equal.

    The values are never shown, logged or pickled: the repr has the names of the fields only.

    Args:
        fields: Values by name, as `reelbase.read` takes them. An empty mapping means the service's default credential
            chain.
        expires_at: When the credentials expire, timezone-aware. None if that is unknown.
        prefixes: URLs below which they may be used. Empty means that they set no limit; the binding may set one.

    Raises:
        UsageError: `expires_at` has no timezone, or a prefix is not a URL.
    """

    __slots__ = ("_fields", "_got_at", "expires_at", "prefixes")

    def __init__(
        self, fields: Mapping[str, Any], *, expires_at: datetime | None = None, prefixes: tuple[str, ...] = ()
    ) -> None:
        if expires_at is not None and expires_at.tzinfo is None:
            raise UsageError("Credentials expire at a time without a timezone.", "Give an aware datetime.")
        self._fields = dict(fields)
        self._got_at = datetime.now(UTC)
        self.expires_at = expires_at
        self.prefixes = check_prefixes(prefixes)

    @property
    def age(self) -> timedelta:
        """The time since this process got the credentials."""
        return datetime.now(UTC) - self._got_at

    @property
    def stale(self) -> bool:
        """True if it is time to get new credentials.

        That is one minute before they expire, or a tenth of their lifetime if that is longer; but not before half of
        their lifetime is over, so that credentials that live for a minute are used at all.
        """
        if self.expires_at is None:
            return False
        life = self.expires_at - self._got_at
        return datetime.now(UTC) >= self.expires_at - min(max(RENEW_BEFORE_END, life / 10), life / 2)

    def covers(self, url: str) -> bool:
        """Return True if their prefixes allow to use them for this URL."""
        return not self.prefixes or is_within(url, self.prefixes)

    def narrowed(self, prefixes: tuple[str, ...]) -> Credentials:
        """Return the same fields for these prefixes only. Their age starts again."""
        return Credentials(self._fields, expires_at=self.expires_at, prefixes=prefixes)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._fields))})"

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "Credentials that were given as an argument are not sent to another process.",
            "Put them where both find them: in the environment, or in your own configuration file.",
        )


@dataclass(frozen=True, kw_only=True)
class CredentialRequest:
    """A request to a provider for credentials.

    Attributes:
        name: Name of the binding (the table ``[credentials.<name>]``).
        url: The URL that the credentials will be used for. It is below one of the binding's prefixes.
        action: "read" or "write".
        force: True if the service refused the credentials returned before: do not return the same ones from a cache.
    """

    name: str
    url: str
    action: Literal["read", "write"] = "read"
    force: bool = False


class CredentialProvider(ABC):
    """Returns credentials, which it takes from a service, a file or a keyring.

    One thread at a time calls it, and only for URLs below the binding's prefixes. Subclass
    `reelbase.testing.CredentialProviderTests` to test a provider against the contract.

    Args:
        name: Name of the binding.
        options: The binding's table in the configuration, without ``provider`` and ``prefixes``.

    Raises:
        ConfigError: an option is missing, unknown or wrong.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self.options = dict(options)

    @abstractmethod
    def get(self, request: CredentialRequest) -> Credentials:
        """Return credentials for a URL.

        Args:
            request: The URL, and what the credentials are needed for.

        Raises:
            AccessDeniedError: there are none. The message must not contain a secret.
        """

    def invalidate(self, name: str) -> None:  # noqa: B027 - most providers cache nothing
        """Forget cached credentials: the service refused them.

        Args:
            name: Name of the binding.
        """

    def close(self) -> None:  # noqa: B027 - most providers hold nothing open
        """Close connections and delete temporary files."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def check_prefixes(prefixes: object) -> tuple[str, ...]:
    """Return URL prefixes in the form in which they are compared.

    Args:
        prefixes: What the user passed; only a list or another iterable of strings is accepted.

    Raises:
        UsageError: a prefix is not the start of a URL with a host or bucket.
    """
    if isinstance(prefixes, str) or not hasattr(prefixes, "__iter__"):
        raise UsageError("prefixes is not a list.", 'Give a list such as ["s3://bucket/folder/"].')
    return tuple(_check_prefix(prefix) for prefix in prefixes)


def _check_prefix(text: object) -> str:
    try:
        found = canonicalize(text) if isinstance(text, str) else ""
    except ValueError as error:
        raise UsageError(f"{text!r} is not a prefix of URLs: it {error}.", "Write https://host/folder/.") from None
    if not found.partition("://")[2].partition("/")[0]:
        raise UsageError(
            f"{text!r} is not a prefix of URLs: it names no host or bucket.", "Write https://host/folder/."
        )
    return found


def is_within(url: str, prefixes: tuple[str, ...]) -> bool:
    """Return True if a URL is below one of the prefixes, which `check_prefixes` returned."""
    try:
        found = canonicalize(url)
    except ValueError:  # a URL that can be read in two ways is below none
        return False
    return any(is_below(found, prefix) for prefix in prefixes)

"""Credentials, and the contract of those who provide them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NoReturn

from reelbase._util.urls import canonical, lies_below
from reelbase.errors import UsageError

_AHEAD: Final = timedelta(seconds=60)


class Credentials(Mapping[str, Any]):
    """Fields such as ``aws_access_key_id``; which ones is up to the storage. Two are equal if their fields are.

    They are used, and never shown, logged or pickled.

    Args:
        fields: As `reelbase.read` takes them. None at all: what the service's own tools find.
        expires_at: When they end; timezone-aware. None: nobody knows.
        prefixes: URLs below which they may be used; empty: wherever whoever has them uses them.

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
        self.prefixes = checked_prefixes(prefixes)

    @property
    def age(self) -> timedelta:
        """Since when they are here."""
        return datetime.now(UTC) - self._got_at

    @property
    def stale(self) -> bool:
        """Whether it is time for new ones: a minute before they end, or a tenth of their life, but never half of it."""
        if self.expires_at is None:
            return False
        life = self.expires_at - self._got_at
        return datetime.now(UTC) >= self.expires_at - min(max(_AHEAD, life / 10), life / 2)

    def covers(self, url: str) -> bool:
        """Whether they may be used for a URL, as far as they say."""
        return not self.prefixes or within(url, self.prefixes)

    def narrowed(self, prefixes: tuple[str, ...]) -> Credentials:
        """The same, got now, for these prefixes only."""
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
    """What credentials are asked for.

    Attributes:
        name: Name of the binding that they are asked of.
        url: What they are to be used for; it is below one of the binding's prefixes.
        action: "read" or "write".
        force: Those that were given before are refused: do not give the same again.
    """

    name: str
    url: str
    action: Literal["read", "write"] = "read"
    force: bool = False


class CredentialProvider(ABC):
    """Gets credentials from somewhere. It is asked by one thread at a time, and only for what is in scope.

    Subclass `reelbase.testing.CredentialProviderTests` to see that it keeps the contract.

    Args:
        name: Name of the binding.
        options: The binding's table of the configuration, without ``provider`` and ``prefixes``.

    Raises:
        ConfigError: the options make no sense.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self.options = dict(options)

    @abstractmethod
    def get(self, request: CredentialRequest) -> Credentials:
        """Credentials for a URL.

        Raises:
            AccessDeniedError: there are none; the message holds no secret.
        """

    def invalidate(self, name: str) -> None:  # noqa: B027 - most keep nothing
        """Forget what is kept: the service refused it."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what is held."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def checked_prefixes(prefixes: object) -> tuple[str, ...]:
    """Prefixes in the form in which they are compared.

    Raises:
        UsageError: one is not the beginning of URLs, with a host or bucket.
    """
    if isinstance(prefixes, str) or not hasattr(prefixes, "__iter__"):
        raise UsageError("prefixes is not a list.", 'Give a list such as ["s3://bucket/folder/"].')
    return tuple(_prefix(prefix) for prefix in prefixes)


def _prefix(text: object) -> str:
    try:
        found = canonical(text) if isinstance(text, str) else ""
    except ValueError as error:
        raise UsageError(f"{text!r} is not a prefix of URLs: it {error}.", "Write https://host/folder/.") from None
    if not found.partition("://")[2].partition("/")[0]:
        raise UsageError(
            f"{text!r} is not a prefix of URLs: it names no host or bucket.", "Write https://host/folder/."
        )
    return found


def within(url: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a URL is below one of `checked_prefixes`."""
    try:
        found = canonical(url)
    except ValueError:
        return False
    return any(lies_below(found, prefix) for prefix in prefixes)

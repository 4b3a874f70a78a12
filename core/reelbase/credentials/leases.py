"""Credentials as long as they hold: got once for all threads, and again before they end or when they are refused."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from reelbase._util.forks import reset_after_fork
from reelbase._util.urls import redacted
from reelbase.contracts.credentials import CredentialRequest, Credentials
from reelbase.errors import AccessDeniedError, CredentialsExpiredError, ReelbaseError

if TYPE_CHECKING:
    from reelbase.contracts.credentials import CredentialProvider

Action = Literal["read", "write"]
#: Credentials that were refused so soon were not good once: new ones would be refused, too.
_YOUNG: Final = timedelta(seconds=5)


class Lease:
    """What one provider gives for one name.

    Args:
        name: Name of the binding.
        provider: Is asked by one thread at a time; the others wait for what it gives.
        prefixes: Of the binding; what the provider gives is never for more than these.
    """

    def __init__(self, name: str, provider: CredentialProvider, prefixes: tuple[str, ...] = ()) -> None:
        self._name = name
        self._provider = provider
        self._prefixes = prefixes
        self._held: dict[tuple[str, Action], Credentials] = {}
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """No lock held."""
        self._lock = threading.Lock()

    def current(self, url: str, action: Action) -> Credentials:
        """Credentials that hold, for a URL in scope.

        Raises:
            AccessDeniedError: there are none.
        """
        with self._lock:
            held = self._found(url, action)
            return held if held is not None and not held.stale else self._get(url, action, force=False)

    def replaced(self, refused: Credentials, error: AccessDeniedError, url: str, action: Action) -> bool:
        """Whether there are other credentials than those that were refused: then it is worth to ask again, once."""
        with self._lock:
            held = self._found(url, action)
            if held is not None and held is not refused:
                return True  # another thread was here
            if not isinstance(error, CredentialsExpiredError) and (refused.expires_at is None or refused.age < _YOUNG):
                return False
            self._provider.invalidate(self._name)
            return self._get(url, action, force=True) != refused

    def close(self) -> None:
        """Let the provider go."""
        self._provider.close()

    def _found(self, url: str, action: Action) -> Credentials | None:
        return next((one for (_, kind), one in self._held.items() if kind == action and one.covers(url)), None)

    def _get(self, url: str, action: Action, *, force: bool) -> Credentials:
        given = self._ask(CredentialRequest(name=self._name, url=url, action=action, force=force))
        given = given if given.prefixes else given.narrowed(self._prefixes)
        if not given.covers(url):
            raise AccessDeniedError(
                f"Credentials {self._name!r}: the provider gave some for other URLs than {redacted(url)}.",
                "Ask who runs it.",
            )
        self._held = {key: one for key, one in self._held.items() if not (key[1] == action and one.covers(url))}
        self._held[url if given.prefixes else "", action] = given
        return given

    def _ask(self, request: CredentialRequest) -> Credentials:
        try:
            given = self._provider.get(request)
        except ReelbaseError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a provider raises; its text may hold a secret
            kind = type(error).__name__
        else:
            if isinstance(given, Credentials):
                return given
            kind = f"it gave a {type(given).__name__}, not Credentials"
        # Outside the handler: the exception would be chained.
        raise AccessDeniedError(f"Credentials {self._name!r} could not be had: {kind}.", "`reelbase creds test` helps.")

"""Caching of credentials: fetched once for all threads, and again before they expire or when they are refused."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from reelbase._util.forks import reset_after_fork
from reelbase._util.log_secrets import redacted_logs
from reelbase._util.urls import redacted
from reelbase.contracts.credentials import CredentialRequest, Credentials
from reelbase.errors import AccessDeniedError, CredentialsExpiredError, ReelbaseError

if TYPE_CHECKING:
    from reelbase.contracts.credentials import CredentialProvider

Action = Literal["read", "write"]
#: Credentials that the service refuses so soon after they were fetched were never valid; new ones would be refused too.
MIN_AGE_TO_RENEW_REFUSED: Final = timedelta(seconds=5)


class Lease:
    """The credentials that one provider returned for one name, as long as they are valid.

    Args:
        name: Name of the binding.
        provider: The provider. One thread at a time calls it; other threads wait for the result and share it.
        prefixes: Prefixes of the binding. Credentials that the provider returns without prefixes get these.
    """

    def __init__(self, name: str, provider: CredentialProvider, prefixes: tuple[str, ...] = ()) -> None:
        self._name = name
        self._provider = provider
        self._prefixes = prefixes
        self._held: dict[tuple[str, Action], Credentials] = {}
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Make a new lock: the old one may be held by a thread that the child does not have."""
        self._lock = threading.Lock()

    def get_current(self, url: str, action: Action) -> Credentials:
        """Return valid credentials for a URL that is below the binding's prefixes.

        Args:
            url: The URL that they will be used for.
            action: "read" or "write".

        Raises:
            AccessDeniedError: the provider has none, or fails.
        """
        with self._lock:
            held = self._find_held(url, action)
            return held if held is not None and not held.stale else self._renew(url, action, force=False)

    def replace_refused(self, refused: Credentials, error: AccessDeniedError, url: str, action: Action) -> bool:
        """Get other credentials in place of refused ones, if that makes sense.

        Args:
            refused: The credentials that the service refused.
            error: How it refused them.
            url: The URL that they were used for.
            action: "read" or "write".

        Returns:
            True if there are other credentials now, so that the request is worth repeating once.
        """
        with self._lock:
            held = self._find_held(url, action)
            if held is not None and held is not refused:
                return True  # another thread has renewed them meanwhile
            if not isinstance(error, CredentialsExpiredError) and (
                refused.expires_at is None or refused.age < MIN_AGE_TO_RENEW_REFUSED
            ):
                return False
            self._provider.invalidate(self._name)
            return self._renew(url, action, force=True) != refused

    def close(self) -> None:
        """Close the provider."""
        self._provider.close()

    def _find_held(self, url: str, action: Action) -> Credentials | None:
        held = (credentials for (_, kind), credentials in self._held.items() if kind == action)
        return next((credentials for credentials in held if credentials.covers(url)), None)

    def _renew(self, url: str, action: Action, *, force: bool) -> Credentials:
        given = self._request(CredentialRequest(name=self._name, url=url, action=action, force=force))
        given = given if given.prefixes else given.narrowed(self._prefixes)
        if not given.covers(url):
            raise AccessDeniedError(
                f"Credentials {self._name!r}: the provider returned some that are not for {redacted(url)}.",
                "Ask the operator of the provider.",
            )
        self._held = {
            key: credentials
            for key, credentials in self._held.items()
            if not (key[1] == action and credentials.covers(url))
        }
        self._held[url if given.prefixes else "", action] = given
        return given

    def _request(self, request: CredentialRequest) -> Credentials:
        try:
            with redacted_logs():
                given = self._provider.get(request)
        except ReelbaseError:
            raise
        except Exception as error:  # noqa: BLE001 - a provider may raise anything; its text may hold a secret
            kind = type(error).__name__
        else:
            if isinstance(given, Credentials):
                return given
            kind = f"it returned a {type(given).__name__}, not Credentials"
        # Raised outside the handler: inside, the provider's exception would be chained and shown with its text.
        raise AccessDeniedError(
            f"Credentials {self._name!r} could not be fetched: {kind}.", "`reelbase creds test` shows more."
        )

"""Refused and failed requests as errors of reelbase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reelbase.errors import (
    AccessDeniedError,
    ConnectionFailedError,
    CredentialsExpiredError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    ThrottledError,
)
from reelbase_plugins._remote.retry import Transient

_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "RequestTimeTooSkewed"}
)
_UNKNOWN_CALLER: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "authError", "unauthorized", "Unauthorized"}
)
_THROTTLED: Final = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests",
     "rateLimitExceeded", "userRateLimitExceeded"}
)  # fmt: skip
_STORAGE_FULL: Final = frozenset({"XMinioStorageFull", "QuotaExceeded", "StorageQuotaExceeded", "InsufficientStorage"})
_TIMED_OUT: Final = frozenset({"RequestTimeout"})


class Lost(Transient):
    """An error after which it is unknown whether the service has done what was requested."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A reply that is not a success.

    Attributes:
        status: HTTP status.
        code: The service's own error code; empty if there is none.
        after: Seconds to wait before the next request, from ``Retry-After``; None if the service does not say.
    """

    status: int
    code: str = ""
    after: float | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


def make_error(refusal: Refusal, url: str) -> StorageError | Transient:
    """Return the error to raise for a refusal."""
    if refusal.code in _EXPIRED:
        what = f"{url}: the credentials have expired, or the clock of this machine is wrong ({refusal})."
        return CredentialsExpiredError(what, "Get new ones, and check the clock.")
    if refusal.status == 429 or refusal.code in _THROTTLED:
        throttled = ThrottledError(f"{url}: the service wants fewer requests ({refusal}).", "Try again later.")
        return Transient(throttled, refusal.after)
    if refusal.status in {401, 403} or refusal.code in _UNKNOWN_CALLER:
        return _make_denied_error(refusal, url)
    return _make_other_error(refusal, url)


def _make_denied_error(refusal: Refusal, url: str) -> StorageError:
    if refusal.code in _UNKNOWN_CALLER or refusal.status == 401:
        return AccessDeniedError(f"{url}: the service does not accept the credentials ({refusal}).", "Check them.")
    return AccessDeniedError(
        f"{url}: access denied ({refusal}).",
        "Use credentials that allow it. Some services also answer this if the object does not exist.",
    )


def _make_other_error(refusal: Refusal, url: str) -> StorageError | Transient:
    if refusal.status == 404:
        return _make_absent_error(refusal, url)
    if refusal.status == 412:
        return make_changed_error(url)
    if refusal.status == 507 or refusal.code in _STORAGE_FULL:
        return StorageFullError(f"{url}: no space is left ({refusal}).", "Make room, then try again.")
    # After these a write may have been done all the same.
    if refusal.status in {408, 409} or refusal.status >= 500 or refusal.code in _TIMED_OUT:
        failed = StorageError(f"{url}: the service failed ({refusal}).", "Try again later.")
        return Lost(failed, refusal.after)
    return StorageError(f"{url}: the service refused ({refusal}).", "Check the URL and the options of this storage.")


def _make_absent_error(refusal: Refusal, url: str) -> StorageError:
    if refusal.code == "NoSuchBucket":
        bucket = "/".join(url.split("/")[:3])
        return ObjectNotFoundError(f"{url}: there is no bucket {bucket}.", "Create it, or check its name.")
    return ObjectNotFoundError(f"No object {url}.", "Check the URL.")


def make_changed_error(url: str) -> ObjectChangedError:
    """Make the error for an object that has another version than the one requested."""
    return ObjectChangedError(f"{url} has changed since it was last read.", "Read or load it again.")


def make_exists_error(url: str) -> ObjectExistsError:
    """Make the error for a conditional write to a name that is taken."""
    return ObjectExistsError(f"{url} exists already.", "Nothing was written.")


def make_unreachable_error(url: str, host: str, *, sent: bool) -> Transient:
    """Make the error for a connection that could not be made, or that broke.

    Args:
        url: URL of the object.
        host: Host that was to be reached.
        sent: Whether the service may have received the request.
    """
    error = ConnectionFailedError(f"{url}: no connection to {host}, or it broke.", "Check the network and the URL.")
    return Lost(error) if sent else Transient(error)


def make_timeout_error(url: str, *, sent: bool = True) -> Transient:
    """Make the error for a request without an answer in time.

    Args:
        url: URL of the object.
        sent: Whether the service may have received the request.
    """
    error = StorageTimeoutError(f"{url}: no answer in time.", "Try again, or raise the option timeout of this storage.")
    return Lost(error) if sent else Transient(error)

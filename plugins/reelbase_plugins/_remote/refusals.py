"""What a service says no with, as our errors."""

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
_SLOWER: Final = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests",
     "rateLimitExceeded", "userRateLimitExceeded"}
)  # fmt: skip
_FULL: Final = frozenset({"XMinioStorageFull", "QuotaExceeded", "StorageQuotaExceeded", "InsufficientStorage"})
_LATE: Final = frozenset({"RequestTimeout"})


class Lost(Transient):
    """An error after which nobody knows whether the service has done what it was asked."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A reply that is not a success.

    Attributes:
        status: Of HTTP.
        code: The service's own word; empty if it gave none.
        after: Seconds for which it asks to be left alone.
    """

    status: int
    code: str = ""
    after: float | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


def refused(refusal: Refusal, url: str) -> StorageError | Transient:
    """What to raise for it."""
    if refusal.code in _EXPIRED:
        what = f"{url}: the service takes the credentials no longer, or the clock here is wrong ({refusal})."
        return CredentialsExpiredError(what, "Get new ones, and see that the clock is right.")
    if refusal.status == 429 or refusal.code in _SLOWER:
        throttled = ThrottledError(f"{url}: the service wants fewer requests ({refusal}).", "Try again later.")
        return Transient(throttled, refusal.after)
    if refusal.status in {401, 403} or refusal.code in _UNKNOWN_CALLER:
        return _denied_error(refusal, url)
    return _other(refusal, url)


def _denied_error(refusal: Refusal, url: str) -> StorageError:
    if refusal.code in _UNKNOWN_CALLER or refusal.status == 401:
        return AccessDeniedError(f"{url}: the service does not take the credentials ({refusal}).", "Check them.")
    return AccessDeniedError(
        f"{url}: access denied ({refusal}).",
        "Give credentials that allow it. Some services say this of what does not exist, too.",
    )


def _other(refusal: Refusal, url: str) -> StorageError | Transient:
    if refusal.status == 404:
        return _absent(refusal, url)
    if refusal.status == 412:
        return changed(url)
    if refusal.status == 507 or refusal.code in _FULL:
        return StorageFullError(f"{url}: no space is left ({refusal}).", "Make room, then try again.")
    if refusal.status in {408, 409} or refusal.status >= 500 or refusal.code in _LATE:
        failed = StorageError(f"{url}: the service failed ({refusal}).", "Try again later.")
        return Lost(failed, refusal.after)
    return StorageError(f"{url}: the service refused ({refusal}).", "Check the URL and the options of this storage.")


def _absent(refusal: Refusal, url: str) -> StorageError:
    if refusal.code == "NoSuchBucket":
        bucket = "/".join(url.split("/")[:3])
        return ObjectNotFoundError(f"{url}: there is no bucket {bucket}.", "Make it, or check its name.")
    return ObjectNotFoundError(f"No object {url}.", "Check the URL.")


def changed(url: str) -> ObjectChangedError:
    """It is no longer the object that it was."""
    return ObjectChangedError(f"{url} was changed since it was last looked at.", "Read or load it again.")


def exists(url: str) -> ObjectExistsError:
    """Another object is there."""
    return ObjectExistsError(f"{url} exists.", "Nothing was written.")


def unreachable(url: str, host: str, *, sent: bool) -> Transient:
    """No connection, or it broke.

    Args:
        url: URL of the object.
        host: Whom nobody answered for.
        sent: Whether the service may have got the request.
    """
    error = ConnectionFailedError(f"{url}: no connection to {host}, or it broke.", "Check the network and the URL.")
    return Lost(error) if sent else Transient(error)


def late(url: str, *, sent: bool = True) -> Transient:
    """No answer in time."""
    error = StorageTimeoutError(f"{url}: no answer in time.", "Try again, or raise the option timeout of this storage.")
    return Lost(error) if sent else Transient(error)

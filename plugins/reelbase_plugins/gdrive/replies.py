"""Refusals of Drive and broken connections as errors of reelbase.

The library's exceptions contain URLs, so they are neither chained nor quoted.
"""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    ConnectionFailedError,
    CredentialsExpiredError,
    ObjectNotFoundError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    ThrottledError,
)
from reelbase_plugins._remote.retry import Transient, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Result = TypeVar("Result")

_STORAGE_FULL: Final = frozenset({
    "storageQuotaExceeded", "teamDriveFileLimitExceeded", "numChildrenInNonRootLimitExceeded",
    "activeItemCreationLimitExceeded", "quotaExceeded",
})  # fmt: skip
_THROTTLED: Final = frozenset({"userRateLimitExceeded", "rateLimitExceeded", "sharingRateLimitExceeded"})
#: What to do, by the reason of a refusal.
_TODO: Final = {
    "insufficientPermissions": "The scopes of the credentials lack auth/drive.",
    "insufficientFilePermissions": "Ask the owner for the right to edit the file; only owners can delete it.",
    "appNotAuthorizedToFile": "The credentials only reach files that their application made: use the scope auth/drive.",
    "accessNotConfigured": "Turn on the Google Drive API in the credentials' project.",
    "cannotDownloadAbusiveFile": "Drive classifies it as malware; only its owner can download it, in a browser.",
    "cannotDownloadFile": "Its owner has turned off downloading.",
    "domainPolicy": "The domain's administrators have turned off Drive for applications.",
}
_RENEW: Final = "Get new credentials: the token has expired, or was revoked."


class InDoubt(Transient):
    """A `Transient` after which the request may have been carried out."""


class IdInUseError(StorageError):
    """The id of the new file is in use already."""


def parse(found: object, read: Callable[[Any], Result], about: str) -> Result:
    """Return what `read` makes of a reply's JSON.

    Args:
        found: Decoded JSON of the reply.
        read: Parses it.
        about: Name of the file, for messages.

    Raises:
        BadReplyError: the reply does not come from Drive.
    """
    try:
        return read(found)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise BadReplyError(
            f"{about}: the reply does not come from Drive.",
            "A proxy or the login page of the network may have answered.",
        ) from None


def make_error(reply: Mapping[str, Any], status: int, content: bytes, about: str) -> StorageError | Transient:
    """Make the error for a reply with a status of 400 or above.

    Args:
        reply: Headers of the reply; their names are in lower case.
        status: HTTP status.
        content: Body of the reply.
        about: Name of the file, for messages.
    """
    reason, message = parse_reason(content)
    what = f"{about}: Drive answered {status}" + (f" ({reason})." if reason else ".")
    if status >= 500 or status == 408:  # the request may have been carried out all the same
        return InDoubt(StorageError(what, "The service has a problem; try again later."), _get_retry_after(reply))
    if status == 429 or reason in _THROTTLED:
        slower = ThrottledError(what, "Make fewer requests at a time (option concurrency), or wait.")
        return Transient(slower, _get_retry_after(reply))
    return _make_permanent_error(status, reason, message, about, what)


def _make_permanent_error(status: int, reason: str, message: str, about: str, what: str) -> StorageError:
    """Make the error for a refusal that a retry does not help against."""
    if status == 401:
        return CredentialsExpiredError(what, _RENEW)
    if status == 409 and reason == "fileIdInUse":
        return IdInUseError(what, "An earlier try has written it.")
    if status == 404:
        return ObjectNotFoundError(
            f"{about}: Drive has no such file.",
            "Check the id. The file may not be shared with you, or its link may need ?resourcekey=….",
        )
    if reason in {"downloadQuotaExceeded", "dailyLimitExceeded"}:
        return ThrottledError(what, "It was downloaded too often today; wait a day, or make a copy of your own.")
    if reason in _STORAGE_FULL:
        return StorageFullError(what, "Make room in Drive (empty its trash), then try again.")
    if reason == "fileNotDownloadable":
        return StorageError(what, "It is a Google document, which has no bytes: export it to a file in Drive.")
    if status == 403 or "API key" in message:
        return AccessDeniedError(what, _TODO.get(reason, "Share it with the account that you use, or use another one."))
    return StorageError(what, "This is a bug in reelbase, or something else answers in place of Drive.")


def make_connection_error(error: Exception, about: str) -> StorageError | Transient:
    """Make the error for a request that had no reply, or that could not be signed."""
    from google.auth.exceptions import GoogleAuthError, TransportError
    from httplib2.error import ServerNotFoundError

    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return CredentialsExpiredError(f"{about}: the credentials were not accepted.", _RENEW)
    if isinstance(error, TimeoutError):
        late = StorageTimeoutError(f"{about}: Drive did not answer in time.", "Try again, or raise the option timeout.")
        return InDoubt(late)
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectionFailedError(
            f"{about}: the server's certificate is not trusted.", "Check the proxy, and the system's certificates."
        )
    failed = ConnectionFailedError(
        f"{about}: no connection to Drive, or it broke ({type(error).__name__}).", "Check the network and the proxy."
    )
    # If the request was never sent, the retry of a write is safe.
    never_sent = isinstance(error, (ConnectionRefusedError, ServerNotFoundError, TransportError))
    return Transient(failed) if never_sent else InDoubt(failed)


def parse_reason(content: bytes) -> tuple[str, str]:
    """Return the first reason and the message in the JSON of an error; empty strings if there are none."""
    try:
        error = json.loads(content)["error"]
        first = (error.get("errors") or [{}])[0]
        return str(first.get("reason", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""


def _get_retry_after(reply: Mapping[str, Any]) -> float | None:
    return retry_after(reply.get("retry-after"))

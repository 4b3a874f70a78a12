"""What Drive's refusals and broken connections mean: errors of ours, and which of them may pass.

The text of the client's own exceptions holds URLs, so none is chained and none is quoted.
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

_FULL: Final = frozenset({
    "storageQuotaExceeded", "teamDriveFileLimitExceeded", "numChildrenInNonRootLimitExceeded",
    "activeItemCreationLimitExceeded", "quotaExceeded",
})  # fmt: skip
_SLOWER: Final = frozenset({"userRateLimitExceeded", "rateLimitExceeded", "sharingRateLimitExceeded"})
_REFUSED: Final = {
    "insufficientPermissions": "The credentials were not made for Drive: their scopes lack auth/drive.",
    "insufficientFilePermissions": "Ask its owner for the right to edit it; only an owner deletes.",
    "appNotAuthorizedToFile": "The credentials reach only files that their application made: use the scope auth/drive.",
    "accessNotConfigured": "Turn on the Google Drive API in the credentials' project.",
    "cannotDownloadAbusiveFile": "Drive takes it for malware or spam; only its owner can download it, with a browser.",
    "cannotDownloadFile": "Its owner has turned off downloading.",
    "domainPolicy": "The domain's administrators have turned off Drive for applications.",
}
_RESIGN: Final = "Give fresh credentials: the token has run out, or was revoked."


class InDoubt(Transient):
    """A `Transient` after which the request may have been carried out."""


class IdInUseError(StorageError):
    """A file with the id that was to be given to a new one is there."""


def told(found: object, read: Callable[[Any], Result], about: str) -> Result:
    """What `read` finds in an answer.

    Raises:
        BadReplyError: the answer is not one of Drive's.
    """
    try:
        return read(found)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise BadReplyError(
            f"{about}: the answer is none of Drive's.", "A proxy, or a page to log in at, may be in the way."
        ) from None


def refused(reply: Mapping[str, Any], status: int, content: bytes, about: str) -> StorageError | Transient:
    """The error for a reply with a status of 400 or above.

    Args:
        reply: Its headers, in lower case.
        status: Its status.
        content: Its body.
        about: What was asked for, to be shown.
    """
    reason, message = reason_of(content)
    said = f"{about}: Drive answered {status}" + (f" ({reason})." if reason else ".")
    if status >= 500 or status == 408:
        return InDoubt(StorageError(said, "The service has a problem; try again later."), _after(reply))
    if status == 429 or reason in _SLOWER:
        slower = ThrottledError(said, "Make fewer requests at a time (option concurrency), or wait.")
        return Transient(slower, _after(reply))
    return _lasting(status, reason, message, about, said)


def _lasting(status: int, reason: str, message: str, about: str, said: str) -> StorageError:
    """The error for a refusal that will not pass by itself."""
    if status == 401:
        return CredentialsExpiredError(said, _RESIGN)
    if status == 409 and reason == "fileIdInUse":
        return IdInUseError(said, "It was written before.")
    if status == 404:
        return ObjectNotFoundError(
            f"{about}: Drive has no such file.",
            "Check the id; it may not be shared with you, or its link may need its ?resourcekey=….",
        )
    if reason in {"downloadQuotaExceeded", "dailyLimitExceeded"}:
        return ThrottledError(said, "It was downloaded too often today; wait a day, or make a copy of your own.")
    if reason in _FULL:
        return StorageFullError(said, "Make room in Drive (empty its trash), then try again.")
    if reason == "fileNotDownloadable":
        return StorageError(said, "It is a Google document, which has no bytes: export it to a file in Drive.")
    if status == 403 or "API key" in message:
        return AccessDeniedError(said, _REFUSED.get(reason, "Share it with the account that asks, or use another."))
    return StorageError(said, "This is a defect of reelbase, or of what answers in place of Drive.")


def broken(error: Exception, about: str) -> StorageError | Transient:
    """The error for a request that had no reply, or could not be signed."""
    from google.auth.exceptions import GoogleAuthError, TransportError
    from httplib2.error import ServerNotFoundError

    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return CredentialsExpiredError(f"{about}: the credentials were not accepted.", _RESIGN)
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
    never_sent = isinstance(error, (ConnectionRefusedError, ServerNotFoundError, TransportError))
    return Transient(failed) if never_sent else InDoubt(failed)


def reason_of(content: bytes) -> tuple[str, str]:
    """The first reason and the message in an error's JSON; empty where there are none."""
    try:
        error = json.loads(content)["error"]
        first = (error.get("errors") or [{}])[0]
        return str(first.get("reason", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""


def _after(reply: Mapping[str, Any]) -> float | None:
    return retry_after(reply.get("retry-after"))

"""What the replies of Google Cloud Storage, and the exceptions of aiohttp and google-auth, mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    ConnectionFailedError,
    CredentialsExpiredError,
    StorageError,
)
from reelbase_plugins._remote import refusals
from reelbase_plugins._remote.refusals import Refusal, exists, late, unreachable
from reelbase_plugins._remote.retry import Transient, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reelbase_plugins._remote.pieces import Span


Result = TypeVar("Result")


class RefusedError(Exception):
    """A reply that is not a success.

    Args:
        refusal: What it says.
        claims: Whether the request was to claim a name.
        content_range: The header.
    """

    def __init__(self, refusal: Refusal, *, claims: bool, content_range: str) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.claims = claims
        self._size = content_range.rpartition("/")[2]

    def ends_before(self, span: Span) -> bool:
        """Whether a read was refused because the object is no longer than where it was to begin."""
        return self.refusal.status == 416 and (not self._size.isdigit() or int(self._size) <= span.start)


class UnreadableError(Exception):
    """A reply that is none of the service's."""


class AbsentError(RefusedError):
    """There is no such thing."""


def refused(status: int, headers: Mapping[str, str], body: bytes, *, claims: bool) -> RefusedError:
    """The error for a reply."""
    refusal = Refusal(status=status, code=_code(body), after=retry_after(headers.get("Retry-After")))
    absent = status == 404 and refusal.code != "NoSuchBucket"
    kind = AbsentError if absent else RefusedError
    return kind(refusal, claims=claims, content_range=headers.get("Content-Range", ""))


def _code(body: bytes) -> str:
    """The service's word for the reason. Of its text one sentence is looked for, and nothing shown."""
    if b"bucket does not exist" in body:
        return "NoSuchBucket"
    try:
        reasons = json.loads(body)["error"]["errors"]
        code = str(reasons[0]["reason"])
    except (ValueError, LookupError, TypeError):
        return ""
    return code if code.isalnum() and len(code) < 50 else ""


def told(body: bytes, read: Callable[[Any], Result]) -> Result:
    """What `read` finds in a reply's JSON.

    Raises:
        UnreadableError: it is something else.
    """
    try:
        return read(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UnreadableError from None


def failure(error: Exception, url: str) -> StorageError | Transient | None:
    """What to raise for an exception; None: it is not about the service. No text of theirs is used."""
    if isinstance(error, RefusedError):
        if error.claims and error.refusal.status == 412:
            return exists(url)
        return refusals.refused(error.refusal, url)
    if isinstance(error, UnreadableError):
        what = f"The reply for {url} was not used: it is none of the service's."
        return BadReplyError(what, "A proxy, or a page to log in at, may be in the way.")
    return _explain_silence(error, url) or _unknown(error, url)


def _explain_silence(error: Exception, url: str) -> StorageError | Transient | None:
    import aiohttp

    host = str(getattr(error, "host", None) or "the service")
    if isinstance(error, aiohttp.ClientSSLError):
        return ConnectionFailedError(f"{url}: no secure connection to {host}.", "Check its certificate.")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return late(url, sent=False)
    if isinstance(error, TimeoutError):
        return late(url)
    if isinstance(error, (aiohttp.ClientError, ConnectionError)):
        return unreachable(url, host, sent=not isinstance(error, aiohttp.ClientConnectorError))
    return None


def _unknown(error: Exception, url: str) -> StorageError | Transient | None:
    """What stops a token from being made."""
    import google.auth.exceptions as google
    from gcsfs.retry import HttpError, NonRetryableError

    if isinstance(error, google.TransportError):
        return unreachable(url, "the service that gives tokens", sent=False)
    if isinstance(error, (HttpError, NonRetryableError, google.GoogleAuthError)):
        expired = isinstance(error, (HttpError, google.RefreshError))
        kind: type[StorageError] = CredentialsExpiredError if expired else AccessDeniedError
        return kind(f"{url}: Google gave no token for the credentials.", "Get new ones, or log in again.")
    return None

"""Refusals of Google Cloud Storage, and exceptions of aiohttp and google-auth, as errors of reelbase."""

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
from reelbase_plugins._remote.refusals import Refusal, make_exists_error, make_timeout_error, make_unreachable_error
from reelbase_plugins._remote.retry import Transient, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reelbase_plugins._remote.pieces import Span


Result = TypeVar("Result")


class RefusedError(Exception):
    """A reply that is not a success.

    Args:
        refusal: Status and code.
        conditional: Whether the request was a write that must not replace an object.
        content_range: The ``Content-Range`` header; empty if absent.
    """

    def __init__(self, refusal: Refusal, *, conditional: bool, content_range: str) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.conditional = conditional
        self._size = content_range.rpartition("/")[2]

    def ends_before(self, span: Span) -> bool:
        """Return True if a read was refused because the object ends at or before the first byte of `span`."""
        return self.refusal.status == 416 and (not self._size.isdigit() or int(self._size) <= span.start)


class UnreadableError(Exception):
    """A reply that does not come from the service, such as the login page of a network."""


class AbsentError(RefusedError):
    """The object or upload does not exist."""


def make_refused_error(status: int, headers: Mapping[str, str], body: bytes, *, conditional: bool) -> RefusedError:
    """Make the exception for a reply that is not a success."""
    refusal = Refusal(status=status, code=_parse_code(body), after=retry_after(headers.get("Retry-After")))
    absent = status == 404 and refusal.code != "NoSuchBucket"
    kind = AbsentError if absent else RefusedError
    return kind(refusal, conditional=conditional, content_range=headers.get("Content-Range", ""))


def _parse_code(body: bytes) -> str:
    """Return the service's error code; empty if there is none."""
    # A missing bucket and a missing object have the same code, "notFound". Only the text differs.
    if b"bucket does not exist" in body:
        return "NoSuchBucket"
    try:
        reasons = json.loads(body)["error"]["errors"]
        code = str(reasons[0]["reason"])
    except (ValueError, LookupError, TypeError):
        return ""
    return code if code.isalnum() and len(code) < 50 else ""


def parse(body: bytes, read: Callable[[Any], Result]) -> Result:
    """Decode the JSON of a reply and return what `read` makes of it.

    Raises:
        UnreadableError: the body is not JSON, or lacks what `read` needs.
    """
    try:
        return read(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UnreadableError from None


def failure(error: Exception, url: str) -> StorageError | Transient | None:
    """Translate an exception; None if it is not about the service.

    The texts of the exceptions are not used, because they may contain signatures and tokens.
    """
    if isinstance(error, RefusedError):
        if error.conditional and error.refusal.status == 412:
            return make_exists_error(url)
        return refusals.make_error(error.refusal, url)
    if isinstance(error, UnreadableError):
        what = f"The reply for {url} was not used: it does not come from the service."
        return BadReplyError(what, "A proxy or the login page of the network may have answered.")
    return _translate_connection_error(error, url) or _translate_token_error(error, url)


def _translate_connection_error(error: Exception, url: str) -> StorageError | Transient | None:
    import aiohttp

    host = str(getattr(error, "host", None) or "the service")
    if isinstance(error, aiohttp.ClientSSLError):
        return ConnectionFailedError(f"{url}: no secure connection to {host}.", "Check its certificate.")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return make_timeout_error(url, sent=False)
    if isinstance(error, TimeoutError):
        return make_timeout_error(url)
    if isinstance(error, (aiohttp.ClientError, ConnectionError)):
        return make_unreachable_error(url, host, sent=not isinstance(error, aiohttp.ClientConnectorError))
    return None


def _translate_token_error(error: Exception, url: str) -> StorageError | Transient | None:
    """Translate failures to get a token."""
    import google.auth.exceptions as google
    from gcsfs.retry import HttpError, NonRetryableError

    if isinstance(error, google.TransportError):
        return make_unreachable_error(url, "the service that issues tokens", sent=False)
    if isinstance(error, (HttpError, NonRetryableError, google.GoogleAuthError)):
        expired = isinstance(error, (HttpError, google.RefreshError))
        kind: type[StorageError] = CredentialsExpiredError if expired else AccessDeniedError
        return kind(f"{url}: Google issued no token for the credentials.", "Get new ones, or log in again.")
    return None

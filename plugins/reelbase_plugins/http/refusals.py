"""Refused requests as errors of reelbase."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    CredentialsExpiredError,
    ObjectChangedError,
    ObjectNotFoundError,
    StorageError,
    ThrottledError,
)
from reelbase_plugins._remote.retry import Transient, retry_after

if TYPE_CHECKING:
    from reelbase_plugins.http.replies import Reply

_MAX_BYTES_OF_ERROR_PAGE: Final = 1 << 14
_EXPIRED: Final = re.compile(
    rb"ExpiredToken|TokenRefreshRequired|Request has expired|Signed expiry time|token (?:is|has) expired", re.IGNORECASE
)
#: Other statuses that may pass, so the request is tried again.
_TRANSIENT: Final = frozenset({408, 425, 500, 502, 504})
_DIGITS: Final = re.compile(r"\d{1,12}")


def make_error(reply: Reply) -> Exception:
    """Make the error for a reply without the requested bytes; a `Transient` if a retry may help."""
    status = reply.status
    if status in {404, 410}:
        return ObjectNotFoundError(f"There is no file {reply.address}.", "Check the URL.")
    if status in {401, 403, 407}:
        return _make_denied_error(reply)
    if status == 412:
        return make_changed_error(reply)
    if status in {429, 503}:
        slow = ThrottledError(
            f"{reply.address}: {_describe(reply)}.", "Try again later, or lower the option concurrency."
        )
        return Transient(slow, retry_after(reply.header("Retry-After")))
    failed = StorageError(f"{reply.address}: {_describe(reply)}.", "Check the URL, and the server's log.")
    if status in _TRANSIENT:
        return Transient(failed)
    if status < 400:
        return BadReplyError(
            f"{reply.address}: {_describe(reply)}, which is not an answer to this request.",
            "Check the URL and the server.",
        )
    return failed


def make_changed_error(reply: Reply) -> ObjectChangedError:
    """Make the error for an object that has another etag than the one requested."""
    return ObjectChangedError(f"{reply.address} has changed since it was last read.", "Read or load it again.")


def _make_denied_error(reply: Reply) -> AccessDeniedError:
    # Servers answer 403 to an expired URL as to wrong credentials. Only the URL or the error page shows the difference.
    if _has_expired(reply.address.query) or _EXPIRED.search(reply.head(_MAX_BYTES_OF_ERROR_PAGE)):
        return CredentialsExpiredError(
            f"{reply.address}: {_describe(reply)}: the URL or the credentials have expired.", "Get new ones."
        )
    return AccessDeniedError(
        f"{reply.address}: {_describe(reply)}.", "Pass credentials that may read it, or check those that were passed."
    )


def _describe(reply: Reply) -> str:
    try:
        return f"the server says {reply.status} ({HTTPStatus(reply.status).phrase})"
    except ValueError:
        return f"the server says {reply.status}"


def _has_expired(query: str) -> bool:
    """Return True if the query of a signed URL of S3, Google, CloudFront or Azure says that it has expired."""
    fields = {name.lower(): value for name, value in parse_qsl(query[1:])}
    for service in ("x-amz", "x-goog"):
        duration = fields.get(f"{service}-expires", "")
        if _DIGITS.fullmatch(duration) and (signed := _parse_time(fields.get(f"{service}-date", ""))):
            return signed + timedelta(seconds=min(int(duration), 10**9)) < datetime.now(UTC)
    if _DIGITS.fullmatch(fields.get("expires", "")):  # CloudFront, and older signatures: seconds since 1970
        return int(fields["expires"]) < time.time()
    until = _parse_time(fields.get("se", ""))  # Azure: "signed expiry"
    return until is not None and until < datetime.now(UTC)


def _parse_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

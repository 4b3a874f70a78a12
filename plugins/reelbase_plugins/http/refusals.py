"""What a server's "no" means."""

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

_READ: Final = 1 << 14
_EXPIRED: Final = re.compile(
    rb"ExpiredToken|TokenRefreshRequired|Request has expired|Signed expiry time|token (?:is|has) expired", re.IGNORECASE
)
_PASSING: Final = frozenset({408, 425, 500, 502, 504})
_DIGITS: Final = re.compile(r"\d{1,12}")


def refusal(reply: Reply) -> Exception:
    """The error for a reply that brings no bytes; a `Transient` one if it may pass."""
    status = reply.status
    if status in {404, 410}:
        return ObjectNotFoundError(f"No file {reply.address}.", "Check the URL.")
    if status in {401, 403, 407}:
        return _denied_error(reply)
    if status == 412:
        return changed(reply)
    if status in {429, 503}:
        slow = ThrottledError(f"{reply.address}: {_said(reply)}.", "Try again later, or lower the option concurrency.")
        return Transient(slow, retry_after(reply.header("Retry-After")))
    failed = StorageError(f"{reply.address}: {_said(reply)}.", "Check the URL, and the server's log.")
    if status in _PASSING:
        return Transient(failed)
    if status < 400:
        return BadReplyError(f"{reply.address}: {_said(reply)}, which says nothing.", "Check the URL and the server.")
    return failed


def changed(reply: Reply) -> ObjectChangedError:
    """For an object that is no longer the one that was asked for."""
    return ObjectChangedError(f"{reply.address} was changed since it was last looked at.", "Read or load it again.")


def _denied_error(reply: Reply) -> AccessDeniedError:
    if _ended(reply.address.query) or _EXPIRED.search(reply.head(_READ)):
        return CredentialsExpiredError(
            f"{reply.address}: {_said(reply)}: what it was asked with has expired.", "Get a new URL or new credentials."
        )
    return AccessDeniedError(
        f"{reply.address}: {_said(reply)}.", "Give credentials that may read it, or check those that were given."
    )


def _said(reply: Reply) -> str:
    try:
        return f"the server says {reply.status} ({HTTPStatus(reply.status).phrase})"
    except ValueError:
        return f"the server says {reply.status}"


def _ended(query: str) -> bool:
    """Whether the time is over that a signed URL names: in the ways of S3, Google, CloudFront and Azure."""
    fields = {name.lower(): value for name, value in parse_qsl(query[1:])}
    for service in ("x-amz", "x-goog"):
        lasts = fields.get(f"{service}-expires", "")
        if _DIGITS.fullmatch(lasts) and (signed := _moment(fields.get(f"{service}-date", ""))):
            return signed + timedelta(seconds=min(int(lasts), 10**9)) < datetime.now(UTC)
    if _DIGITS.fullmatch(fields.get("expires", "")):
        return int(fields["expires"]) < time.time()
    until = _moment(fields.get("se", ""))
    return until is not None and until < datetime.now(UTC)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

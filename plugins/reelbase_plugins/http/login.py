"""Credentials as request headers."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from reelbase.plugin import Credentials
    from reelbase_plugins.http.address import Address

_KNOWN: Final = ("headers", "password", "token", "username")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
#: Headers that requests set themselves; credentials may not change them.
_RESERVED: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "if-match", "if-range", "range", "transfer-encoding"}
)


class Login:
    """The request headers for credentials. Their values are not in its repr.

    Args:
        credentials: ``username`` and ``password``, or ``token``; and ``headers``, a mapping of names to values.

    Raises:
        UsageError: there is an unknown field or an invalid value. The message does not show values.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        given = dict(credentials or {})
        unknown = sorted(set(given) - set(_KNOWN))
        if unknown:
            raise _make_usage_error(f"have {', '.join(map(repr, unknown))}, which web servers do not know")
        self._headers = _check_headers(given.get("headers", {})) | _make_authorization(given)
        self._credentials = credentials

    def headers(self) -> dict[str, str]:
        """Return the headers. Send them only to the server that the credentials are for."""
        return dict(self._headers)

    def covers(self, address: Address) -> bool:
        """Return True if the credentials may be sent to `address`: it is within their scope, or they have none."""
        return self._credentials is None or self._credentials.covers(address.url)

    def __repr__(self) -> str:
        return f"Login({', '.join(sorted(self._headers))})"


def _make_authorization(given: Mapping[str, Any]) -> dict[str, str]:
    token, username, password = (_get_text(given, name) for name in ("token", "username", "password"))
    if token is not None and (username is not None or password is not None):
        raise _make_usage_error("have both a token and a user")
    if token is not None:
        return _check_headers({"Authorization": f"Bearer {token}"})
    if (username is None) != (password is None):
        raise _make_usage_error("have a username or a password without the other")
    if username is None:
        return {}
    if ":" in username:
        raise _make_usage_error("have a username with a colon, which basic authentication does not allow")
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _get_text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _make_usage_error(f"have a {name} that is not a str")
    return value


def _check_headers(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise _make_usage_error("have headers that are not a mapping of names to values")
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _make_usage_error("have a header with an invalid name")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise _make_usage_error(f"have a header {name!r} with a value that cannot be sent")
        if name.lower() in _RESERVED:
            raise _make_usage_error(f"have a header {name!r}, which reelbase sets itself")
    return dict(given)


def _make_usage_error(what: str) -> UsageError:
    return UsageError(
        f"The credentials {what}.", f"There are: {', '.join(_KNOWN)} (username with password, or token; headers)."
    )

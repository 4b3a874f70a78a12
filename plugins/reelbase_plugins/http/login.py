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
#: What a request is made of: not for credentials to say.
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "if-match", "if-range", "range", "transfer-encoding"}
)


class Login:
    """Headers that say who asks; its repr says nothing of them.

    Args:
        credentials: ``username`` and ``password``, or ``token``; and ``headers``, by name.

    Raises:
        UsageError: there is something else in them. No value is ever shown.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        given = dict(credentials or {})
        unknown = sorted(set(given) - set(_KNOWN))
        if unknown:
            raise _wrong(f"have {', '.join(map(repr, unknown))}, which means nothing to a web server")
        self._headers = _headers(given.get("headers", {})) | _authorization(given)
        self._credentials = credentials

    def headers(self) -> dict[str, str]:
        """To send to the host that they were given for, and to no other."""
        return dict(self._headers)

    def covers(self, address: Address) -> bool:
        """Whether they may be sent there, as far as they say."""
        return self._credentials is None or self._credentials.covers(address.url)

    def __repr__(self) -> str:
        return f"Login({', '.join(sorted(self._headers))})"


def _authorization(given: Mapping[str, Any]) -> dict[str, str]:
    token, username, password = (_text(given, name) for name in ("token", "username", "password"))
    if token is not None and (username is not None or password is not None):
        raise _wrong("have both a token and a user")
    if token is not None:
        return _headers({"Authorization": f"Bearer {token}"})
    if (username is None) != (password is None):
        raise _wrong("have a username or a password without the other")
    if username is None:
        return {}
    if ":" in username:
        raise _wrong("have a username with a colon, which no web server understands")
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"have a {name} that is not a str")
    return value


def _headers(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise _wrong("have headers that are not mapping of names to values")
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _wrong("have a header whose name is none")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise _wrong(f"have a header {name!r} with a value that cannot be sent")
        if name.lower() in _OURS:
            raise _wrong(f"have a header {name!r}, which requests for ranges need for themselves")
    return dict(given)


def _wrong(what: str) -> UsageError:
    return UsageError(
        f"The credentials {what}.", f"There are: {', '.join(_KNOWN)} (username with password, or token; headers)."
    )

"""Credentials as programs and servers tell them, in JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from reelbase.errors import AccessDeniedError
from reelbase.plugin import Credentials

_OF_AMAZON: Final = {
    "AccessKeyId": "aws_access_key_id",
    "SecretAccessKey": "aws_secret_access_key",
    "SessionToken": "aws_session_token",
}
#: Iceberg's REST catalogue specification, "storage-credentials": names of its properties.
_OF_ICEBERG: Final = {
    "s3.access-key-id": "aws_access_key_id",
    "s3.secret-access-key": "aws_secret_access_key",
    "s3.session-token": "aws_session_token",
    "client.region": "aws_region",
    "gcs.oauth2.token": "token",
}


def from_program(text: bytes, name: str) -> Credentials:
    """What a program printed: what AWS calls ``credential_process``, or ``{"fields": {…}, "expires_at": …}``.

    Raises:
        AccessDeniedError: it is neither; nothing of it is shown.
    """
    try:
        return _of_program(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise AccessDeniedError(
        f"Credentials {name!r}: what the program printed is not understood.",
        'It prints {"Version": 1, "AccessKeyId": …, "SecretAccessKey": …} or {"fields": {…}, "expires_at": …}.',
    )


def _of_program(told: dict[str, Any]) -> Credentials:
    if "fields" in told:
        return Credentials(_texts(told["fields"]), expires_at=_moment(told.get("expires_at")))
    if told["Version"] != 1:
        raise ValueError("Version")
    fields = {ours: told[theirs] for theirs, ours in _OF_AMAZON.items() if told.get(theirs)}
    return Credentials(_texts(fields), expires_at=_moment(told.get("Expiration")))


def from_server(text: bytes, name: str, url: str) -> Credentials:
    """What a server of credentials answered: of those that are for `url` the ones with the longest prefix.

    Raises:
        AccessDeniedError: there are none, or the answer is not understood; nothing of it is shown.
    """
    try:
        told = json.loads(text)
        found = [_of_server(one, told.get("expires_at")) for one in told["storage-credentials"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        found = None
    if found is None:
        raise AccessDeniedError(f"Credentials {name!r}: the server's answer is not understood.", "Ask who runs it.")
    fitting = [item for item in found if item.covers(url)]
    if not fitting:
        raise AccessDeniedError(f"Credentials {name!r}: the server gave none for that URL.", "Ask who runs it.")
    return max(fitting, key=lambda one: len(one.prefixes[0]))


def _of_server(one: dict[str, Any], expires_at: Any) -> Credentials:
    fields = {_OF_ICEBERG.get(key, key): value for key, value in one["config"].items()}
    return Credentials(_texts(fields), expires_at=_moment(expires_at), prefixes=(one["prefix"],))


def _texts(fields: dict[str, Any]) -> dict[str, str]:
    if not fields or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("fields")
    return fields


def _moment(text: Any) -> datetime | None:
    """A time with a timezone, in ISO 8601."""
    found = None if text is None else datetime.fromisoformat(text)
    if found is not None and found.tzinfo is None:
        raise ValueError("expires_at")
    return found

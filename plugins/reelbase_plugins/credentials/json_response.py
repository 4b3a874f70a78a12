"""Parsing of credentials that programs print and servers send, in JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from reelbase.errors import AccessDeniedError
from reelbase.plugin import Credentials

_AWS_NAMES: Final = {
    "AccessKeyId": "aws_access_key_id",
    "SecretAccessKey": "aws_secret_access_key",
    "SessionToken": "aws_session_token",
}
#: Property names of "storage-credentials" in Iceberg's REST catalogue specification.
_ICEBERG_NAMES: Final = {
    "s3.access-key-id": "aws_access_key_id",
    "s3.secret-access-key": "aws_secret_access_key",
    "s3.session-token": "aws_session_token",
    "client.region": "aws_region",
    "gcs.oauth2.token": "token",
}


def parse_program_output(text: bytes, name: str) -> Credentials:
    """Parse the output of a program: AWS's ``credential_process`` format, or ``{"fields": {…}, "expires_at": …}``.

    Args:
        text: Output of the program.
        name: Name of the credentials, for messages.

    Raises:
        AccessDeniedError: it has neither format. The message does not show the output.
    """
    try:
        return _parse_program_fields(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise AccessDeniedError(
        f"Credentials {name!r}: the output of the program cannot be parsed.",
        'It must print {"Version": 1, "AccessKeyId": …, "SecretAccessKey": …} or {"fields": {…}, "expires_at": …}.',
    )


def _parse_program_fields(content: dict[str, Any]) -> Credentials:
    if "fields" in content:
        return Credentials(_check_strings(content["fields"]), expires_at=_parse_time(content.get("expires_at")))
    if content["Version"] != 1:
        raise ValueError("Version")
    fields = {ours: content[theirs] for theirs, ours in _AWS_NAMES.items() if content.get(theirs)}
    return Credentials(_check_strings(fields), expires_at=_parse_time(content.get("Expiration")))


def parse_server_reply(text: bytes, name: str, url: str) -> Credentials:
    """Parse the reply of a credential server. If several credentials cover `url`, the longest prefix wins.

    Args:
        text: Body of the reply.
        name: Name of the credentials, for messages.
        url: URL that the credentials are for.

    Raises:
        AccessDeniedError: none cover `url`, or the reply cannot be parsed. The message does not show the reply.
    """
    try:
        content = json.loads(text)
        found = [_parse_server_entry(entry, content.get("expires_at")) for entry in content["storage-credentials"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        found = None
    if found is None:
        raise AccessDeniedError(
            f"Credentials {name!r}: the reply of the server cannot be parsed.", "Ask its administrator."
        )
    matching = [credentials for credentials in found if credentials.covers(url)]
    if not matching:
        raise AccessDeniedError(f"Credentials {name!r}: the server has none for that URL.", "Ask its administrator.")
    return max(matching, key=lambda credentials: len(credentials.prefixes[0]))


def _parse_server_entry(entry: dict[str, Any], expires_at: Any) -> Credentials:
    fields = {_ICEBERG_NAMES.get(key, key): value for key, value in entry["config"].items()}
    return Credentials(_check_strings(fields), expires_at=_parse_time(expires_at), prefixes=(entry["prefix"],))


def _check_strings(fields: dict[str, Any]) -> dict[str, str]:
    if not fields or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("fields")
    return fields


def _parse_time(text: Any) -> datetime | None:
    """Parse a time in ISO 8601 with a timezone. Without one it would be ambiguous, so that is an error."""
    found = None if text is None else datetime.fromisoformat(text)
    if found is not None and found.tzinfo is None:
        raise ValueError("expires_at")
    return found

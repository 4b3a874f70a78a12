"""Options and credentials of Google Cloud Storage."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SERVICE_ACCOUNT_FIELDS: Final = frozenset(
    {"type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
     "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain"}
)  # fmt: skip
_USER_FIELDS: Final = frozenset(
    {
        "type",
        "account",
        "client_id",
        "client_secret",
        "refresh_token",
        "token_uri",
        "quota_project_id",
        "universe_domain",
    }
)
_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
_KEY_FILE_VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_TODO: Final = "Pass the fields of a service account's key file, those of an authorized user, or a token."


@dataclass(frozen=True, kw_only=True)
class GcsOptions:
    """The table ``[storage.gcs]``.

    Attributes:
        endpoint_url: URL of a compatible service; None uses Google. Google's default credentials are never sent to
            another service.
        project: Project that is charged, with `requester_pays`.
        anonymous: Whether to send requests without credentials.
        requester_pays: Whether to accept that requests are charged to you.
        timeout: Seconds without a byte after which a request fails.
        tries: Highest number of tries of one request.
        deadline: Seconds for one request with all its tries.
        concurrency: Highest number of requests at a time of one call.
    """

    endpoint_url: str | None = None
    project: str | None = None
    anonymous: bool = False
    requester_pays: bool = False
    timeout: float = 30.0
    tries: int = 6
    deadline: float = 120.0
    concurrency: int = 8


def make_google_credentials(fields: Mapping[str, Any]) -> Any:
    """Make credentials of google-auth from the fields that a user passed.

    Raises:
        UsageError: a field is unknown, or the fields are incomplete.
    """
    kind = fields.get("type")
    known = {"token"} if "token" in fields else _SERVICE_ACCOUNT_FIELDS if kind == "service_account" else _USER_FIELDS
    wrong = sorted(set(fields) - known)
    if wrong:
        raise UsageError(
            f"Credentials for Google have no field {wrong[0]!r} here.", f"There are: {', '.join(sorted(known))}."
        )
    try:
        return _make_credentials(dict(fields))
    except (ValueError, TypeError):  # its text may contain the key, so it is not chained
        missing = UsageError("These credentials for Google are incomplete, or damaged.", _TODO)
    raise missing


def _make_credentials(fields: dict[str, Any]) -> Any:
    from google.oauth2 import credentials, service_account

    of_service: Any = service_account.Credentials
    of_user: Any = credentials.Credentials
    if "token" in fields:
        if not isinstance(fields["token"], str) or not fields["token"]:
            raise ValueError("token")
        return of_user(fields["token"])
    if fields.get("type") == "service_account":
        return of_service.from_service_account_info(fields, scopes=[_SCOPE])
    return of_user.from_authorized_user_info(fields, scopes=[_SCOPE])


def find_credentials() -> Any:
    """Find Google's application default credentials: of the environment, of gcloud, or of the machine.

    Returns:
        None if there are none.

    Raises:
        AccessDeniedError: the environment names a key file that cannot be used.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except DefaultCredentialsError:
        if _KEY_FILE_VARIABLE not in os.environ:
            return None
    raise AccessDeniedError(
        f"{_KEY_FILE_VARIABLE} does not name a file of credentials that Google's library can use.",
        "Correct or unset it.",
    )

"""What can be said about Google Cloud Storage: options, and credentials."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SERVICE: Final = frozenset(
    {"type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
     "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain"}
)  # fmt: skip
_USER: Final = frozenset(
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
_NAMED: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_TODO: Final = "Give the fields of a service account's key file, those of an authorized user, or a token."


@dataclass(frozen=True, kw_only=True)
class GcsOptions:
    """The table ``[storage.gcs]``.

    Attributes:
        endpoint_url: Of a service like it; None: Google's. Another one gets no credentials but those given for it.
        project: Who is charged, with `requester_pays`.
        anonymous: Make anonymous requests.
        requester_pays: Accept to be charged.
        timeout: Seconds without a byte, after which a request has failed.
        tries: Most tries of a request.
        deadline: Seconds for all tries of it.
        concurrency: Requests at once of one call.
    """

    endpoint_url: str | None = None
    project: str | None = None
    anonymous: bool = False
    requester_pays: bool = False
    timeout: float = 30.0
    tries: int = 6
    deadline: float = 120.0
    concurrency: int = 8


def google_credentials(fields: Mapping[str, Any]) -> Any:
    """What google-auth makes of the fields that a user gave.

    Raises:
        UsageError: they are none of what it knows.
    """
    kind = fields.get("type")
    known = {"token"} if "token" in fields else _SERVICE if kind == "service_account" else _USER
    wrong = sorted(set(fields) - known)
    if wrong:
        raise UsageError(
            f"Credentials for Google have no {wrong[0]!r} here.", f"There are: {', '.join(sorted(known))}."
        )
    try:
        return _made(dict(fields))
    except (ValueError, TypeError):  # its text may hold the key
        missing = UsageError("These credentials for Google are incomplete, or damaged.", _TODO)
    raise missing


def _made(fields: dict[str, Any]) -> Any:
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


def found_credentials() -> Any:
    """Google's application default credentials: of the environment, of gcloud, or of the machine; None: none.

    Raises:
        AccessDeniedError: the environment names some, and they cannot be used.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except DefaultCredentialsError:
        if _NAMED not in os.environ:
            return None
    raise AccessDeniedError(
        f"{_NAMED} names no file of credentials that Google's library can use.", "Mend or unset it."
    )

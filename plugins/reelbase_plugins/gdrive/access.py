"""Options of the storage, and the fields of credentials as credentials of `google.auth`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPES: Final = ("https://www.googleapis.com/auth/drive",)
_SERVICE_ACCOUNT_FIELDS: Final = frozenset({
    "type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
    "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain",
})  # fmt: skip
_USER_FIELDS: Final = frozenset({
    "type", "client_id", "client_secret", "refresh_token", "token", "token_uri", "account", "quota_project_id",
    "universe_domain",
})  # fmt: skip
_TOKEN_FIELDS: Final = frozenset({"token", "api_key"})
_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_TODO: Final = "Pass a service account's fields, or client_id, client_secret and refresh_token, or token, or api_key."


@dataclass(frozen=True, kw_only=True)
class Options:
    """The table ``[storage.gdrive]``.

    Attributes:
        endpoint_url: URL of the service; None uses Google.
        timeout: Seconds to wait for a connection, and for the next bytes of a reply.
        tries: Highest number of tries of one request.
        deadline: Seconds for one call with all its tries.
        concurrency: Highest number of requests at a time of one `get_ranges`.
        api_key: API key for files that are shared with everybody who has the link; used if there are no credentials.
        anonymous: Whether to send requests without credentials. Drive then needs an `api_key`.
        supports_all_drives: Whether to include files of shared drives.
    """

    endpoint_url: str | None = None
    timeout: float = 30.0
    tries: int = 6
    deadline: float = 120.0
    concurrency: int = 8
    api_key: str | None = None
    anonymous: bool = False
    supports_all_drives: bool = True

    def __repr__(self) -> str:
        return f"Options(endpoint_url={self.endpoint_url!r}, …)"


@dataclass(frozen=True)
class Access:
    """Credentials to send with requests.

    Attributes:
        signer: Credentials of `google.auth`; None for anonymous requests.
        api_key: API key to send with every request; None for none.
    """

    signer: Any
    api_key: str | None

    def __repr__(self) -> str:
        return f"Access({type(self.signer).__name__})"


def check_fields(fields: Mapping[str, Any] | None) -> None:
    """Check that credentials have enough fields, and none that does not belong to the others.

    Raises:
        UsageError: they do not.
    """
    if fields is None:
        return
    kind = _classify(fields)
    allowed = {
        "service": _SERVICE_ACCOUNT_FIELDS,
        "user": _USER_FIELDS,
        "token": _TOKEN_FIELDS,
        "api_key": _TOKEN_FIELDS,
    }[kind]
    if unknown := sorted(set(fields) - allowed):
        raise UsageError(f"Credentials for gdrive do not have {', '.join(map(repr, unknown))}.", _TODO)


def _classify(fields: Mapping[str, Any]) -> str:
    if fields.get("type") == "service_account" or "private_key" in fields:
        return "service"
    if {"client_id", "client_secret", "refresh_token"} <= set(fields):
        return "user"
    for name in ("token", "api_key"):
        if fields.get(name):
            return name
    raise UsageError(f"Credentials for gdrive with {', '.join(sorted(fields)) or 'no fields'} are incomplete.", _TODO)


def choose_access(fields: Mapping[str, Any] | None, api_key: str | None, *, anonymous: bool = False) -> Access:
    """Choose the credentials: those that were passed, else the API key, else those of the environment.

    Args:
        fields: Fields that a user passed; None if there are none.
        api_key: The option `api_key`.
        anonymous: Whether to ignore the credentials of the environment.

    Raises:
        UsageError: the fields cannot be used.
        AccessDeniedError: there are no credentials.
    """
    if fields is None:
        return Access(None, api_key) if api_key or anonymous else Access(_find_default_signer(), None)
    kind = _classify(fields)
    if kind == "api_key":
        return Access(None, str(fields["api_key"]))
    try:
        signer = _SIGNER_FACTORIES[kind](fields)
    except (ValueError, KeyError, TypeError):
        # The library's message may contain the key that it could not parse, so it is not chained.
        raise UsageError("The credentials for gdrive cannot be read.", _TODO) from None
    return Access(signer, fields.get("api_key") or api_key)


def _make_service_signer(fields: Mapping[str, Any]) -> Any:
    from google.oauth2 import service_account

    return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        {"token_uri": _TOKEN_URI, **fields}, scopes=SCOPES
    )


def _make_user_signer(fields: Mapping[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials(  # type: ignore[no-untyped-call]
        fields.get("token"),
        refresh_token=fields["refresh_token"],
        token_uri=fields.get("token_uri", _TOKEN_URI),
        client_id=fields["client_id"],
        client_secret=fields["client_secret"],
        quota_project_id=fields.get("quota_project_id"),
    )


def _make_token_signer(fields: Mapping[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials(str(fields["token"]))  # type: ignore[no-untyped-call]


def _find_default_signer() -> Any:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        return google.auth.default(scopes=SCOPES)[0]
    except DefaultCredentialsError:
        raise AccessDeniedError(
            "There are no credentials for Google Drive: none were passed, and the environment has none.",
            "Run `gcloud auth application-default login "
            "--scopes=https://www.googleapis.com/auth/drive,https://www.googleapis.com/auth/cloud-platform`, or name a "
            "key file in GOOGLE_APPLICATION_CREDENTIALS; for files shared with everybody the option api_key will do.",
        ) from None


_SIGNER_FACTORIES: Final = {"service": _make_service_signer, "user": _make_user_signer, "token": _make_token_signer}

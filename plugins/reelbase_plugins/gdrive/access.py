"""Options of the storage, and who asks: what a user gave turned into credentials of `google.auth`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPES: Final = ("https://www.googleapis.com/auth/drive",)
_SERVICE: Final = frozenset({
    "type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
    "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain",
})  # fmt: skip
_USER: Final = frozenset({
    "type", "client_id", "client_secret", "refresh_token", "token", "token_uri", "account", "quota_project_id",
    "universe_domain",
})  # fmt: skip
_ALONE: Final = frozenset({"token", "api_key"})
_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_HOW: Final = "Give a service account's fields, or client_id, client_secret and refresh_token, or token, or api_key."


@dataclass(frozen=True, kw_only=True)
class Options:
    """The table ``[storage.gdrive]``.

    Attributes:
        endpoint_url: Where the service is, if not at Google.
        timeout: Seconds that one request may be silent.
        tries: Of one request, at most.
        deadline: Seconds that one call may take with all its tries.
        concurrency: Requests of one `get_ranges` at a time.
        api_key: Asks in nobody's name, for what is shared with everybody.
        anonymous: Make anonymous requests; Drive answers to that only with an `api_key`.
        supports_all_drives: Files of shared drives too.
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
    """Who asks.

    Attributes:
        signer: Of `google.auth`; None: nobody.
        api_key: Sent with every request, or None.
    """

    signer: Any
    api_key: str | None

    def __repr__(self) -> str:
        return f"Access({type(self.signer).__name__})"


def check(fields: Mapping[str, Any] | None) -> None:
    """See that credentials have only fields that belong together.

    Raises:
        UsageError: they do not.
    """
    if fields is None:
        return
    kind = _kind(fields)
    allowed = {"service": _SERVICE, "user": _USER, "token": _ALONE, "api_key": _ALONE}[kind]
    if unknown := sorted(set(fields) - allowed):
        raise UsageError(f"Credentials for gdrive do not have {', '.join(map(repr, unknown))}.", _HOW)


def _kind(fields: Mapping[str, Any]) -> str:
    if fields.get("type") == "service_account" or "private_key" in fields:
        return "service"
    if {"client_id", "client_secret", "refresh_token"} <= set(fields):
        return "user"
    for name in ("token", "api_key"):
        if fields.get(name):
            return name
    raise UsageError(f"Credentials for gdrive with {', '.join(sorted(fields)) or 'no fields'} say not enough.", _HOW)


def access(fields: Mapping[str, Any] | None, api_key: str | None, *, anonymous: bool = False) -> Access:
    """What to ask with: what was given, else the option `api_key`, else, unless `anonymous`, what the environment has.

    Raises:
        UsageError: the fields cannot be used.
        AccessDeniedError: there is nothing.
    """
    if fields is None:
        return Access(None, api_key) if api_key or anonymous else Access(_default(), None)
    kind = _kind(fields)
    if kind == "api_key":
        return Access(None, str(fields["api_key"]))
    try:
        signer = _MAKERS[kind](fields)
    except (ValueError, KeyError, TypeError):
        # What the library says may hold the key it could not read.
        raise UsageError("The credentials for gdrive cannot be read.", _HOW) from None
    return Access(signer, fields.get("api_key") or api_key)


def _service(fields: Mapping[str, Any]) -> Any:
    from google.oauth2 import service_account

    return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        {"token_uri": _TOKEN_URI, **fields}, scopes=SCOPES
    )


def _user(fields: Mapping[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials(  # type: ignore[no-untyped-call]
        fields.get("token"),
        refresh_token=fields["refresh_token"],
        token_uri=fields.get("token_uri", _TOKEN_URI),
        client_id=fields["client_id"],
        client_secret=fields["client_secret"],
        quota_project_id=fields.get("quota_project_id"),
    )


def _token(fields: Mapping[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials(str(fields["token"]))  # type: ignore[no-untyped-call]


def _default() -> Any:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        return google.auth.default(scopes=SCOPES)[0]
    except DefaultCredentialsError:
        raise AccessDeniedError(
            "Google Drive was asked without credentials, and the environment has none.",
            "Run `gcloud auth application-default login "
            "--scopes=https://www.googleapis.com/auth/drive,https://www.googleapis.com/auth/cloud-platform`, or name a "
            "key file in GOOGLE_APPLICATION_CREDENTIALS; for files shared with everybody the option api_key will do.",
        ) from None


_MAKERS: Final = {"service": _service, "user": _user, "token": _token}

"""Access tokens of Google, from its application default credentials or a key file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parse_options

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "google"`` or ``"gdrive"``.

    Attributes:
        file: JSON file of a service account or an authorized user; None uses the application default credentials.
        scopes: OAuth scopes of the token; empty for the scope that the storage needs.
    """

    file: str | None = None
    scopes: tuple[str, ...] = ()


class GoogleProvider(CredentialProvider):
    """Access tokens for Google Cloud Storage."""

    scope: ClassVar[str] = "https://www.googleapis.com/auth/devstorage.read_write"

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parse_options(Options, options, f"credentials.{name}")
        self._file = table.file
        self._scopes = table.scopes or (self.scope,)
        self._signer: Any = None

    def get(self, request: CredentialRequest) -> Credentials:
        """Return a valid token; a new one if the last one was refused."""
        from google.auth.exceptions import GoogleAuthError

        try:
            return self._get_token(force=request.force)
        except (GoogleAuthError, OSError, ValueError) as error:
            kind = type(error).__name__  # the text of the error may contain the key
        raise AccessDeniedError(
            f"Credentials {self.name!r}: Google issued no token: {kind}.",
            "Run `gcloud auth application-default login`, or set file to a key file.",
        )

    def invalidate(self, name: str) -> None:
        """Drop the credentials, so that the next call reads the key file again."""
        self._signer = None

    def _get_token(self, *, force: bool) -> Credentials:
        import requests
        from google.auth.transport.requests import Request

        if self._signer is None:
            self._signer = self._load_signer()
        if force or not self._signer.valid:
            with requests.Session() as session:
                self._signer.refresh(Request(session=session))
        expiry = self._signer.expiry  # google-auth uses UTC without a timezone
        return Credentials({"token": self._signer.token}, expires_at=expiry and expiry.replace(tzinfo=UTC))

    def _load_signer(self) -> Any:
        import google.auth
        from google.oauth2 import credentials, service_account

        library: Any = google.auth
        if self._file is None:
            return library.default(scopes=self._scopes)[0]
        fields = json.loads(Path(self._file).expanduser().read_bytes())
        # Only these two types. Google's library knows others that run programs or send requests to other hosts.
        if fields.get("type") == "service_account":
            kind: Any = service_account.Credentials
            return kind.from_service_account_info(fields, scopes=self._scopes)
        kind = credentials.Credentials
        return kind.from_authorized_user_info(fields, scopes=self._scopes)


class DriveProvider(GoogleProvider):
    """Access tokens for Google Drive."""

    scope: ClassVar[str] = "https://www.googleapis.com/auth/drive"

"""Tokens of Google: of its application default credentials, or of a key file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "google"`` or ``"gdrive"``.

    Attributes:
        file: JSON of a service account, or of an authorized user; None: what Google's tools find.
        scopes: What the token is for; by default what the storage needs.
    """

    file: str | None = None
    scopes: tuple[str, ...] = ()


class GoogleProvider(CredentialProvider):
    """Access tokens for Google Cloud Storage."""

    scope: ClassVar[str] = "https://www.googleapis.com/auth/devstorage.read_write"

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parsed(Options, options, f"credentials.{name}")
        self._file = table.file
        self._scopes = table.scopes or (self.scope,)
        self._signer: Any = None

    def get(self, request: CredentialRequest) -> Credentials:
        """A token that holds, new if the last one was refused."""
        from google.auth.exceptions import GoogleAuthError

        try:
            return self._token(force=request.force)
        except (GoogleAuthError, OSError, ValueError) as error:
            kind = type(error).__name__  # its text may hold the key
        raise AccessDeniedError(
            f"Credentials {self.name!r}: Google gives no token: {kind}.",
            "`gcloud auth application-default login`, or name a key file.",
        )

    def invalidate(self, name: str) -> None:
        """Read the key again."""
        self._signer = None

    def _token(self, *, force: bool) -> Credentials:
        import requests
        from google.auth.transport.requests import Request

        if self._signer is None:
            self._signer = self._found()
        if force or not self._signer.valid:
            with requests.Session() as session:
                self._signer.refresh(Request(session=session))
        ends = self._signer.expiry
        return Credentials({"token": self._signer.token}, expires_at=ends and ends.replace(tzinfo=UTC))

    def _found(self) -> Any:
        import google.auth
        from google.oauth2 import credentials, service_account

        library: Any = google.auth
        if self._file is None:
            return library.default(scopes=self._scopes)[0]
        fields = json.loads(Path(self._file).expanduser().read_bytes())
        # By kind: of kinds that run programs or ask other hosts nobody said anything.
        if fields.get("type") == "service_account":
            kind: Any = service_account.Credentials
            return kind.from_service_account_info(fields, scopes=self._scopes)
        kind = credentials.Credentials
        return kind.from_authorized_user_info(fields, scopes=self._scopes)


class DriveProvider(GoogleProvider):
    """Access tokens for Google Drive."""

    scope: ClassVar[str] = "https://www.googleapis.com/auth/drive"

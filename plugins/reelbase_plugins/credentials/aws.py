"""Credentials of a profile of Amazon's configuration, or of a role that it may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGION: Final = "us-east-1"
#: botocore renews what ends ten minutes before it does, or earlier: asked every five, it never gives what has ended.
_LOOK_AGAIN: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "aws"``.

    Attributes:
        profile: Of ``~/.aws/config``; None: what the environment says.
        role_arn: A role to take.
        session_name: What the role's session is called in logs.
        external_id: That the role asks for.
        duration: Seconds that the role is taken for.
        region: Of the buckets, and of the service that gives roles.
        sts_endpoint_url: Of that service; None: Amazon's.
    """

    profile: str | None = None
    role_arn: str | None = None
    session_name: str = "reelbase"
    external_id: str | None = None
    duration: int = 3600
    region: str | None = None
    sts_endpoint_url: str | None = None


class AwsProvider(CredentialProvider):
    """Asks botocore, and for a role Amazon's security token service (``AssumeRole``)."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        self._table = parsed(Options, options, f"credentials.{name}")
        self._session: Any = None

    def get(self, request: CredentialRequest) -> Credentials:
        """Of the role, if there is one, else of the profile."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._role() if self._table.role_arn else self._profile()
        except (BotoCoreError, ClientError) as error:
            kind = _kind(error)
        raise AccessDeniedError(
            f"Credentials {self.name!r}: AWS gives none: {kind}.", f"aws sts get-caller-identity{self._flag()}"
        )

    def invalidate(self, name: str) -> None:
        """Read the profile again."""
        self._session = None

    def _flag(self) -> str:
        return f" --profile {self._table.profile}" if self._table.profile else ""

    def _profile(self) -> Credentials:
        from botocore.credentials import RefreshableCredentials

        found = self._opened().get_credentials()
        if found is None:
            raise AccessDeniedError(f"Credentials {self.name!r}: AWS's own chain finds none.", "aws configure")
        frozen = found.get_frozen_credentials()
        ends = datetime.now(UTC) + _LOOK_AGAIN if isinstance(found, RefreshableCredentials) else None
        return self._credentials(frozen.access_key, frozen.secret_key, frozen.token, ends)

    def _role(self) -> Credentials:
        table = self._table
        client = self._opened().create_client(
            "sts", region_name=table.region or _REGION, endpoint_url=table.sts_endpoint_url
        )
        asked = {"RoleArn": table.role_arn, "RoleSessionName": table.session_name, "DurationSeconds": table.duration}
        if table.external_id:
            asked["ExternalId"] = table.external_id
        try:
            given = client.assume_role(**asked)["Credentials"]
        finally:
            client.close()
        return self._credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"]
        )

    def _credentials(self, key: str, secret: str, token: str | None, ends: datetime | None) -> Credentials:
        fields = {
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "aws_session_token": token,
            "aws_region": self._table.region,
        }
        return Credentials({name: value for name, value in fields.items() if value}, expires_at=ends)

    def _opened(self) -> Any:
        from botocore.session import Session

        if self._session is None:
            self._session = Session(profile=self._table.profile)
        return self._session


def _kind(error: Exception) -> str:
    """What is wrong, without the text: it may hold what was sent."""
    response = getattr(error, "response", None)
    return str(response["Error"]["Code"]) if response else type(error).__name__

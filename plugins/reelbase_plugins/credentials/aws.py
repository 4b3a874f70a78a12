"""Credentials of a profile in the AWS configuration, or of a role that it may assume."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parse_options

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_REGION: Final = "us-east-1"
#: botocore renews credentials ten minutes before they expire or earlier. If it is asked every five minutes, it never
#: returns expired ones.
_REFRESH_INTERVAL: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "aws"``.

    Attributes:
        profile: Profile in ``~/.aws/config``; None uses the one of the environment.
        role_arn: ARN of a role to assume; None uses the profile itself.
        session_name: Name of the role's session in AWS logs.
        external_id: External id that the role requires; None if it requires none.
        duration: Seconds that the role's credentials are valid.
        region: Region of the buckets and of the security token service.
        sts_endpoint_url: URL of the security token service; None uses Amazon's.
    """

    profile: str | None = None
    role_arn: str | None = None
    session_name: str = "reelbase"
    external_id: str | None = None
    duration: int = 3600
    region: str | None = None
    sts_endpoint_url: str | None = None


class AwsProvider(CredentialProvider):
    """Gets credentials from botocore; for a role, from Amazon's security token service (``AssumeRole``)."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        self._table = parse_options(Options, options, f"credentials.{name}")
        self._session: Any = None

    def get(self, request: CredentialRequest) -> Credentials:
        """Return the credentials of the role if one is configured, else those of the profile."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._assume_role() if self._table.role_arn else self._read_profile()
        except (BotoCoreError, ClientError) as error:
            kind = _get_kind(error)
        raise AccessDeniedError(
            f"Credentials {self.name!r}: AWS returned none: {kind}.",
            f"aws sts get-caller-identity{self._make_profile_option()}",
        )

    def invalidate(self, name: str) -> None:
        """Drop the session, so that the next call reads the profile again."""
        self._session = None

    def _make_profile_option(self) -> str:
        return f" --profile {self._table.profile}" if self._table.profile else ""

    def _read_profile(self) -> Credentials:
        from botocore.credentials import RefreshableCredentials

        found = self._get_session().get_credentials()
        if found is None:
            raise AccessDeniedError(
                f"Credentials {self.name!r}: the credential chain of the AWS SDK finds none.", "aws configure"
            )
        frozen = found.get_frozen_credentials()  # key, secret and token of the same moment
        expires_at = datetime.now(UTC) + _REFRESH_INTERVAL if isinstance(found, RefreshableCredentials) else None
        return self._make_credentials(frozen.access_key, frozen.secret_key, frozen.token, expires_at)

    def _assume_role(self) -> Credentials:
        table = self._table
        client = self._get_session().create_client(
            "sts", region_name=table.region or _DEFAULT_REGION, endpoint_url=table.sts_endpoint_url
        )
        params = {"RoleArn": table.role_arn, "RoleSessionName": table.session_name, "DurationSeconds": table.duration}
        if table.external_id:
            params["ExternalId"] = table.external_id
        try:
            keys = client.assume_role(**params)["Credentials"]
        finally:
            client.close()
        return self._make_credentials(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], keys["Expiration"]
        )

    def _make_credentials(self, key: str, secret: str, token: str | None, expires_at: datetime | None) -> Credentials:
        fields = {
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "aws_session_token": token,
            "aws_region": self._table.region,
        }
        return Credentials({name: value for name, value in fields.items() if value}, expires_at=expires_at)

    def _get_session(self) -> Any:
        from botocore.session import Session

        if self._session is None:
            self._session = Session(profile=self._table.profile)
        return self._session


def _get_kind(error: Exception) -> str:
    """Return the error code or the class of an error. Its text is not used: it may contain the request."""
    response = getattr(error, "response", None)
    return str(response["Error"]["Code"]) if response else type(error).__name__

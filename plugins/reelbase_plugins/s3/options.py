"""Options and credentials of S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reelbase.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region", "endpoint_url")
_STYLES: Final = ("auto", "path", "virtual")


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """The table ``[storage.s3]``.

    Attributes:
        endpoint_url: URL of a compatible service; None uses ``AWS_ENDPOINT_URL``, and Amazon if that is not set.
        region: Region of the bucket; None uses the one of the profile or environment. Amazon redirects if it is wrong.
        profile: Profile in ``~/.aws/config``; None uses the default one.
        anonymous: Whether to send requests without a signature.
        requester_pays: Whether to accept that requests are charged to you.
        addressing_style: Where URLs have the bucket's name: in the ``path``, in the host (``virtual``), or ``auto``.
        timeout: Seconds without a byte after which a request fails.
        tries: Highest number of tries of one request.
        deadline: Seconds for one request with all its tries.
        concurrency: Highest number of requests at a time of one call.
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    anonymous: bool = False
    requester_pays: bool = False
    addressing_style: str = "auto"
    timeout: float = 30.0
    tries: int = 6
    deadline: float = 120.0
    concurrency: int = 8

    def __post_init__(self) -> None:
        if self.addressing_style not in _STYLES:
            raise ConfigError(
                f"storage.s3.addressing_style is {self.addressing_style!r}.", f"Choose one of: {', '.join(_STYLES)}."
            )


@dataclass(frozen=True, kw_only=True, repr=False)
class Keys:
    """Credentials of S3. There is no repr, so that they do not get into logs."""

    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str | None = None
    aws_region: str | None = None
    endpoint_url: str | None = None

    @classmethod
    def of(cls, fields: Mapping[str, object]) -> Keys:
        """Make the keys from the fields that a user passed.

        Raises:
            UsageError: a field is unknown, not a string, or missing.
        """
        wrong = sorted(set(fields) - set(_FIELDS))
        if wrong:
            raise UsageError(f"Credentials for S3 have no field {wrong[0]!r}.", f"There are: {', '.join(_FIELDS)}.")
        given = {name: value for name, value in fields.items() if value is not None}
        if not all(isinstance(value, str) and value for value in given.values()):
            raise UsageError("Credentials for S3 are strings.", f"There are: {', '.join(_FIELDS)}.")
        if not set(_FIELDS[:2]) <= set(given):
            raise UsageError("Credentials for S3 need two fields.", f"Give {_FIELDS[0]} and {_FIELDS[1]}.")
        return cls(**given)  # type: ignore[arg-type]

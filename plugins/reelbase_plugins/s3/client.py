"""Clients of S3: an s3fs filesystem for each way to ask."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase_plugins._remote.clients import Client, Clients

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    from reelbase_plugins.s3.options import Keys, S3Options

_CONNECTIONS = 64


@dataclass(frozen=True, repr=False)
class How:
    """What one client is for.

    Attributes:
        options: Where to ask.
        keys: As whom; None: as the SDK's own chain says.
        environment: The variables that the chain looks at, so that one who changes them gets another client.
    """

    options: S3Options
    keys: Keys | None
    environment: tuple[tuple[str, str], ...]


def client_for(options: S3Options, keys: Keys | None) -> Client[S3FileSystem]:
    """The client of this process."""
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    return _clients.get(How(options, keys, environment))


def _made(how: How) -> Client[S3FileSystem]:
    from aiobotocore.session import AioSession
    from fsspec.asyn import get_loop
    from s3fs import S3FileSystem

    options, keys = how.options, how.keys
    filesystem = S3FileSystem(
        session=AioSession(profile=None if keys else options.profile),
        asynchronous=True,
        loop=get_loop(),
        skip_instance_cache=True,
        use_listings_cache=False,
        **_identity(options, keys),
        client_kwargs={"region_name": (keys and keys.aws_region) or options.region},
        config_kwargs=_config(options, own_endpoint=bool(_endpoint(options, keys))),
    )
    client = Client(filesystem, _close)
    client.run(_connect(filesystem), options.deadline)
    return client


def _identity(options: S3Options, keys: Keys | None) -> dict[str, Any]:
    identity: dict[str, Any] = {"endpoint_url": _endpoint(options, keys)}
    if keys is None:
        return {**identity, "anon": options.anonymous}
    return {
        **identity,
        "key": keys.aws_access_key_id,
        "secret": keys.aws_secret_access_key,
        "token": keys.aws_session_token,
    }


def _endpoint(options: S3Options, keys: Keys | None) -> str | None:
    return (keys and keys.endpoint_url) or options.endpoint_url


def _config(options: S3Options, *, own_endpoint: bool) -> dict[str, Any]:
    """Of botocore. It repeats nothing: we do, and know what may be repeated."""
    config: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": 1},
        "connect_timeout": options.timeout,
        "read_timeout": options.timeout,
        "max_pool_connections": _CONNECTIONS,
        "s3": {"addressing_style": options.addressing_style},
    }
    if own_endpoint:  # many services like S3 do not know the newer checksums
        config |= {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    return config


async def _connect(filesystem: S3FileSystem) -> None:
    """Make the session. Who has no credentials makes anonymous requests: public buckets can be read so."""
    if not filesystem.anon and not filesystem.key and await filesystem.session.get_credentials() is None:
        filesystem.anon = True
    await filesystem.set_session()


async def _close(filesystem: S3FileSystem) -> None:
    await filesystem.s3.close()


_clients: Clients[S3FileSystem] = Clients(_made)

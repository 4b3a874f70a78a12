"""Clients of S3: one s3fs filesystem for each combination of options and credentials."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase_plugins._remote.clients import Client, Clients

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    from reelbase_plugins.s3.options import Keys, S3Options

_MAX_CONNECTIONS = 64


@dataclass(frozen=True, repr=False)
class ClientSettings:
    """The settings of a client.

    Attributes:
        options: Options of the storage.
        keys: Credentials; None uses the AWS SDK's credential chain.
        environment: Environment variables that the SDK reads. They are included so that a change makes a new client.
    """

    options: S3Options
    keys: Keys | None
    environment: tuple[tuple[str, str], ...]


def client_for(options: S3Options, keys: Keys | None) -> Client[S3FileSystem]:
    """Return this process's client for the options and credentials."""
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    return _clients.get(ClientSettings(options, keys, environment))


def _make_client(settings: ClientSettings) -> Client[S3FileSystem]:
    from aiobotocore.session import AioSession
    from fsspec.asyn import get_loop
    from s3fs import S3FileSystem

    options, keys = settings.options, settings.keys
    filesystem = S3FileSystem(
        session=AioSession(profile=None if keys else options.profile),
        asynchronous=True,
        loop=get_loop(),
        skip_instance_cache=True,  # its cache knows nothing of our settings; `Clients` keeps the instances
        use_listings_cache=False,
        **_make_identity(options, keys),
        client_kwargs={"region_name": (keys and keys.aws_region) or options.region},
        config_kwargs=_make_config(options, own_endpoint=bool(_choose_endpoint(options, keys))),
    )
    client = Client(filesystem, _close)
    client.run(_connect(filesystem), options.deadline)
    return client


def _make_identity(options: S3Options, keys: Keys | None) -> dict[str, Any]:
    identity: dict[str, Any] = {"endpoint_url": _choose_endpoint(options, keys)}
    if keys is None:
        return {**identity, "anon": options.anonymous}
    return {
        **identity,
        "key": keys.aws_access_key_id,
        "secret": keys.aws_secret_access_key,
        "token": keys.aws_session_token,
    }


def _choose_endpoint(options: S3Options, keys: Keys | None) -> str | None:
    return (keys and keys.endpoint_url) or options.endpoint_url


def _make_config(options: S3Options, *, own_endpoint: bool) -> dict[str, Any]:
    """Make the configuration of botocore. It does not retry: `RetryPolicy` does, and knows what may be repeated."""
    config: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": 1},
        "connect_timeout": options.timeout,
        "read_timeout": options.timeout,
        "max_pool_connections": _MAX_CONNECTIONS,
        "s3": {"addressing_style": options.addressing_style},
    }
    if own_endpoint:  # many S3-compatible services do not support the newer checksums
        config |= {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    return config


async def _connect(filesystem: S3FileSystem) -> None:
    """Make the session."""
    # Without credentials, send anonymous requests, which can read public buckets.
    if not filesystem.anon and not filesystem.key and await filesystem.session.get_credentials() is None:
        filesystem.anon = True
    await filesystem.set_session()


async def _close(filesystem: S3FileSystem) -> None:
    await filesystem.s3.close()


_clients: Clients[S3FileSystem] = Clients(_make_client)

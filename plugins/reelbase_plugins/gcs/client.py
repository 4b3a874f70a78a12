"""Clients of Google Cloud Storage: one gcsfs filesystem for each combination of options and credentials."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase_plugins._remote.clients import Client, Clients
from reelbase_plugins.gcs.options import find_credentials, make_google_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gcsfs import GCSFileSystem

    from reelbase_plugins.gcs.options import GcsOptions

_MAX_CONNECTIONS = 64
_ANONYMOUS = "anon"


@dataclass(frozen=True, repr=False)
class ClientSettings:
    """The settings of a client.

    Attributes:
        options: Options of the storage.
        fields: Fields of the credentials as JSON; None uses Google's default credential chain.
        environment: Environment variable that the chain reads. It is included so that a change makes a new client.
    """

    options: GcsOptions
    fields: str | None
    environment: str | None


def client_for(options: GcsOptions, fields: Mapping[str, Any] | None) -> Client[GCSFileSystem]:
    """Return this process's client for the options and credentials."""
    text = None if fields is None else json.dumps(dict(fields), sort_keys=True, default=str)
    return _clients.get(ClientSettings(options, text, os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")))


def _make_client(settings: ClientSettings) -> Client[GCSFileSystem]:
    from fsspec.asyn import get_loop
    from gcsfs.core import GCSFileSystem  # the class in `gcsfs` itself first requests the type of each bucket

    filesystem = GCSFileSystem(
        project=settings.options.project or "",
        token=_choose_identity(settings) or _ANONYMOUS,
        endpoint_url=settings.options.endpoint_url and settings.options.endpoint_url.rstrip("/"),
        asynchronous=True,
        loop=get_loop(),
        skip_instance_cache=True,  # its cache knows nothing of our settings; `Clients` keeps the instances
        use_listings_cache=False,
    )
    client = Client(filesystem, _close)
    client.run(_connect(filesystem, settings.options), settings.options.deadline)
    return client


def _choose_identity(settings: ClientSettings) -> Any:
    """Choose the credentials; None for anonymous access.

    gcsfs does not choose them, because it reads a pickle in the home folder and sends Google's credentials to any
    endpoint.
    """
    if settings.fields is not None:
        return make_google_credentials(json.loads(settings.fields))
    return None if settings.options.anonymous or settings.options.endpoint_url else find_credentials()


async def _connect(filesystem: GCSFileSystem, options: GcsOptions) -> None:
    """Make the session. If gcsfs made it, it would also close it in forked children."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=options.timeout, sock_read=options.timeout)
    filesystem._session = aiohttp.ClientSession(
        timeout=timeout,
        auto_decompress=False,  # ranges are of the stored bytes
        connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS),
    )


async def _close(filesystem: GCSFileSystem) -> None:
    await filesystem.session.close()


_clients: Clients[GCSFileSystem] = Clients(_make_client)

"""Clients of Google Cloud Storage: a gcsfs filesystem for each way to ask."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase_plugins._remote.clients import Client, Clients
from reelbase_plugins.gcs.options import found_credentials, google_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gcsfs import GCSFileSystem

    from reelbase_plugins.gcs.options import GcsOptions

_CONNECTIONS = 64
_ANONYMOUS = "anon"


@dataclass(frozen=True, repr=False)
class How:
    """What one client is for.

    Attributes:
        options: Where to ask.
        fields: As whom, in JSON; None: as Google's own chain says.
        environment: What the chain looks at, so that one who changes it gets another client.
    """

    options: GcsOptions
    fields: str | None
    environment: str | None


def client_for(options: GcsOptions, fields: Mapping[str, Any] | None) -> Client[GCSFileSystem]:
    """The client of this process."""
    text = None if fields is None else json.dumps(dict(fields), sort_keys=True, default=str)
    return _clients.get(How(options, text, os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")))


def _made(how: How) -> Client[GCSFileSystem]:
    from fsspec.asyn import get_loop
    from gcsfs.core import GCSFileSystem  # the one of the package looks at each bucket's kind first: a request more

    filesystem = GCSFileSystem(
        project=how.options.project or "",
        token=_identity(how) or _ANONYMOUS,
        endpoint_url=how.options.endpoint_url and how.options.endpoint_url.rstrip("/"),
        asynchronous=True,
        loop=get_loop(),
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    client = Client(filesystem, _close)
    client.run(_connect(filesystem, how.options), how.options.deadline)
    return client


def _identity(how: How) -> Any:
    """Not what gcsfs would find: it reads a pickle in the home folder, and sends to any endpoint what it found."""
    if how.fields is not None:
        return google_credentials(json.loads(how.fields))
    return None if how.options.anonymous or how.options.endpoint_url else found_credentials()


async def _connect(filesystem: GCSFileSystem, options: GcsOptions) -> None:
    """Make the session here: gcsfs would close its own in forked children, too."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=options.timeout, sock_read=options.timeout)
    filesystem._session = aiohttp.ClientSession(
        timeout=timeout,
        auto_decompress=False,  # a range is of the bytes that are stored
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
    )


async def _close(filesystem: GCSFileSystem) -> None:
    await filesystem.session.close()


_clients: Clients[GCSFileSystem] = Clients(_made)

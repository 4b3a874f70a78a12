"""What urllib3 raises as our errors. Its own words are never passed on: they hold whole URLs."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelbase.errors import BadReplyError, ConnectionFailedError, StorageTimeoutError
from reelbase_plugins._remote.retry import Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.exceptions import HTTPError

    from reelbase_plugins.http.address import Address


@contextmanager
def failing(address: Address) -> Iterator[None]:
    """Turn what goes wrong on the way to `address` and back into our errors."""
    from urllib3.exceptions import HTTPError

    try:
        yield
    except HTTPError as error:
        raise _ours(error, address) from None


def _ours(error: HTTPError, address: Address) -> Exception:
    from urllib3 import exceptions

    if isinstance(error, exceptions.TimeoutError) and not isinstance(error, exceptions.NewConnectionError):
        return Transient(late(address))
    if isinstance(error, exceptions.InvalidHeader):
        return BadReplyError(f"{address}: the reply has a header that makes no sense.", "It was not used.")
    if any(isinstance(arg, ssl.SSLCertVerificationError) for arg in error.args):
        return ConnectionFailedError(
            f"{address}: the server's certificate is not trusted.",
            "Name a file with your authority's certificate in the variable SSL_CERT_FILE.",
        )
    return Transient(ConnectionFailedError(f"{address}: {_what(error)}.", "Check the URL, the network and the server."))


def _what(error: HTTPError) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return "no host of that name is known"
    if isinstance(error, exceptions.NewConnectionError):
        return "no connection could be made"
    return "the connection broke"


def late(address: Address) -> StorageTimeoutError:
    """For a server that says nothing for too long."""
    return StorageTimeoutError(f"{address}: the server did not answer in time.", "Raise this storage's option timeout.")

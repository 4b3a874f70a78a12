"""Exceptions of urllib3 as errors of reelbase. Their texts are not used: they contain whole URLs with secrets."""

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
    """Translate exceptions of urllib3 that are raised in the block.

    Args:
        address: Address that is requested, for messages.
    """
    from urllib3.exceptions import HTTPError

    try:
        yield
    except HTTPError as error:
        raise _translate(error, address) from None  # a chained exception would show the URL


def _translate(error: HTTPError, address: Address) -> Exception:
    from urllib3 import exceptions

    if isinstance(error, exceptions.TimeoutError) and not isinstance(error, exceptions.NewConnectionError):
        return Transient(make_timeout_error(address))
    if isinstance(error, exceptions.InvalidHeader):
        return BadReplyError(f"{address}: the reply has an invalid header.", "It was not used.")
    if any(isinstance(arg, ssl.SSLCertVerificationError) for arg in error.args):
        return ConnectionFailedError(
            f"{address}: the server's certificate is not trusted.",
            "If your own authority signed it, set SSL_CERT_FILE to a file with the authority's certificate.",
        )
    return Transient(
        ConnectionFailedError(f"{address}: {_describe(error)}.", "Check the URL, the network and the server.")
    )


def _describe(error: HTTPError) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return "the host name could not be resolved"
    if isinstance(error, exceptions.NewConnectionError):
        return "no connection could be made"
    return "the connection broke"


def make_timeout_error(address: Address) -> StorageTimeoutError:
    """Make the error for a server that does not answer in time."""
    return StorageTimeoutError(f"{address}: the server did not answer in time.", "Raise this storage's option timeout.")

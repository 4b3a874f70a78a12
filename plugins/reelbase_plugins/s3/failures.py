"""Exceptions of botocore and aiohttp as errors of reelbase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reelbase.errors import AccessDeniedError, BadReplyError, ConnectionFailedError, StorageError
from reelbase_plugins._remote.refusals import (
    Refusal,
    make_error,
    make_exists_error,
    make_timeout_error,
    make_unreachable_error,
)
from reelbase_plugins._remote.retry import Transient, retry_after

if TYPE_CHECKING:
    from reelbase_plugins._remote.pieces import Span

#: Operations that may be conditional writes: their 412 means that the object exists, not that it was changed.
_CONDITIONAL_WRITES: Final = frozenset({"PutObject", "CompleteMultipartUpload"})


def failure(error: Exception, url: str) -> StorageError | Transient | None:
    """Translate an exception; None if it is not about the service.

    The texts of the exceptions are not used, because they may contain signatures.
    """
    import botocore.exceptions as aws

    if isinstance(error, aws.ClientError):
        return _translate_client_error(error, url)
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)):
        return AccessDeniedError(
            f"{url}: no credentials were found ({type(error).__name__}).", "Pass or configure some."
        )
    if isinstance(error, aws.FlexibleChecksumError):
        return Transient(BadReplyError(f"The bytes of {url} do not match their checksum.", "Try again."))
    if isinstance(error, aws.SSLError):
        return ConnectionFailedError(f"{url}: no secure connection to {_get_host(error)}.", "Check its certificate.")
    return _translate_connection_error(error, url) or _make_misuse_error(error, url)


def _translate_connection_error(error: Exception, url: str) -> Transient | None:
    import aiohttp
    import botocore.exceptions as aws

    # `sent`: whether the service may have received the request. If it has not, even a conditional write is sent again.
    cause = getattr(error, "kwargs", {}).get("error")
    if isinstance(error, (aws.ConnectTimeoutError, aws.ProxyConnectionError)):
        return (
            make_timeout_error(url, sent=False)
            if isinstance(error, aws.ConnectTimeoutError)
            else _make_lost_error(error, url, sent=False)
        )
    if isinstance(error, aws.EndpointConnectionError):
        return _make_lost_error(error, url, sent=not isinstance(cause, aiohttp.ClientConnectorError))
    if isinstance(error, (aws.ReadTimeoutError, TimeoutError)):
        return make_timeout_error(url)
    broken = (aws.HTTPClientError, aws.ConnectionError, aws.ResponseStreamingError, aws.IncompleteReadError)
    if isinstance(error, (*broken, aiohttp.ClientError, ConnectionError)):
        return _make_lost_error(error, url, sent=True)
    return None


def _make_misuse_error(error: Exception, url: str) -> StorageError | None:
    """Make the error for a request that botocore refuses to send."""
    import botocore.exceptions as aws

    if isinstance(error, (aws.BotoCoreError, ValueError)):
        return StorageError(
            f"{url}: the request could not be made ({type(error).__name__}).",
            "Check the URL, the options of this storage and your AWS configuration.",
        )
    return None


def _make_lost_error(error: Exception, url: str, *, sent: bool) -> Transient:
    return make_unreachable_error(url, _get_host(error), sent=sent)


def _get_host(error: Exception) -> str:
    endpoint = getattr(error, "kwargs", {}).get("endpoint_url")
    return urlsplit(str(endpoint)).hostname or "S3" if endpoint else "S3"


def _translate_client_error(error: Any, url: str) -> StorageError | Transient:
    refusal = _make_refusal(error.response)
    if refusal.status == 412 and error.operation_name in _CONDITIONAL_WRITES:
        return make_exists_error(url)
    return make_error(refusal, url)


def _make_refusal(response: dict[str, Any]) -> Refusal:
    metadata = response.get("ResponseMetadata", {})
    code = str(response.get("Error", {}).get("Code", ""))
    status = metadata.get("HTTPStatusCode", 0)
    if status == 200:  # CompleteMultipartUpload may report an error in the body after it has sent the status 200
        status = 500
    after = retry_after(metadata.get("HTTPHeaders", {}).get("retry-after"))
    # If a reply has no body, as to HEAD, botocore repeats the status as the code.
    return Refusal(status=status, code="" if code.isdigit() else code, after=after)


def ends_before(error: Any, span: Span) -> bool:
    """Return True if a read was refused because the object ends at or before the first byte of `span`."""
    metadata = error.response.get("ResponseMetadata", {})
    if metadata.get("HTTPStatusCode") != 416:
        return False
    size = str(metadata.get("HTTPHeaders", {}).get("content-range", "")).rpartition("/")[2]
    return not size.isdigit() or int(size) <= span.start

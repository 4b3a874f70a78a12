"""What the exceptions of botocore and aiohttp mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reelbase.errors import AccessDeniedError, BadReplyError, ConnectionFailedError, StorageError
from reelbase_plugins._remote.refusals import Refusal, exists, late, refused, unreachable
from reelbase_plugins._remote.retry import Transient, retry_after

if TYPE_CHECKING:
    from reelbase_plugins._remote.pieces import Span

_CLAIMS: Final = frozenset({"PutObject", "CompleteMultipartUpload"})


def failure(error: Exception, url: str) -> StorageError | Transient | None:
    """What to raise for one; None: it is not about the service. No text of theirs is used: it may hold signatures."""
    import botocore.exceptions as aws

    if isinstance(error, aws.ClientError):
        return _refuse(error, url)
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)):
        return AccessDeniedError(f"{url}: there are no credentials ({type(error).__name__}).", "Give some.")
    if isinstance(error, aws.FlexibleChecksumError):
        return Transient(BadReplyError(f"The bytes of {url} do not have their checksum.", "Try again."))
    if isinstance(error, aws.SSLError):
        return ConnectionFailedError(f"{url}: no secure connection to {_host(error)}.", "Check its certificate.")
    return _explain_silence(error, url) or _misuse_error(error, url)


def _explain_silence(error: Exception, url: str) -> Transient | None:
    import aiohttp
    import botocore.exceptions as aws

    cause = getattr(error, "kwargs", {}).get("error")
    if isinstance(error, (aws.ConnectTimeoutError, aws.ProxyConnectionError)):
        return late(url, sent=False) if isinstance(error, aws.ConnectTimeoutError) else _lost(error, url, sent=False)
    if isinstance(error, aws.EndpointConnectionError):
        return _lost(error, url, sent=not isinstance(cause, aiohttp.ClientConnectorError))
    if isinstance(error, (aws.ReadTimeoutError, TimeoutError)):
        return late(url)
    broken = (aws.HTTPClientError, aws.ConnectionError, aws.ResponseStreamingError, aws.IncompleteReadError)
    if isinstance(error, (*broken, aiohttp.ClientError, ConnectionError)):
        return _lost(error, url, sent=True)
    return None


def _misuse_error(error: Exception, url: str) -> StorageError | None:
    """What botocore refuses to send."""
    import botocore.exceptions as aws

    if isinstance(error, (aws.BotoCoreError, ValueError)):
        return StorageError(
            f"{url}: the request could not be made ({type(error).__name__}).",
            "Check the URL, the options of this storage and your AWS configuration.",
        )
    return None


def _lost(error: Exception, url: str, *, sent: bool) -> Transient:
    return unreachable(url, _host(error), sent=sent)


def _host(error: Exception) -> str:
    endpoint = getattr(error, "kwargs", {}).get("endpoint_url")
    return urlsplit(str(endpoint)).hostname or "S3" if endpoint else "S3"


def _refuse(error: Any, url: str) -> StorageError | Transient:
    refusal = _refusal(error.response)
    if refusal.status == 412 and error.operation_name in _CLAIMS:
        return exists(url)
    return refused(refusal, url)


def _refusal(response: dict[str, Any]) -> Refusal:
    """The code is the number again where a reply has no body, as to HEAD."""
    told = response.get("ResponseMetadata", {})
    code = str(response.get("Error", {}).get("Code", ""))
    status = told.get("HTTPStatusCode", 0)
    if status == 200:  # an error after the reply had begun: CompleteMultipartUpload does that
        status = 500
    after = retry_after(told.get("HTTPHeaders", {}).get("retry-after"))
    return Refusal(status=status, code="" if code.isdigit() else code, after=after)


def ends_before(error: Any, span: Span) -> bool:
    """Whether a read was refused because the object is no longer than where it was to begin."""
    told = error.response.get("ResponseMetadata", {})
    if told.get("HTTPStatusCode") != 416:
        return False
    size = str(told.get("HTTPHeaders", {}).get("content-range", "")).rpartition("/")[2]
    return not size.isdigit() or int(size) <= span.start

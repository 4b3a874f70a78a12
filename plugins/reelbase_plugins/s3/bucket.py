"""The requests to a bucket of S3."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reelbase.plugin import Stat
from reelbase_plugins._remote.fsspec import Bucket
from reelbase_plugins._remote.pieces import Reply, Span, check_reply, get_expected_status
from reelbase_plugins.s3 import failures

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    from reelbase_plugins._remote.clients import Client


_MD5: Final = re.compile(r"[0-9a-f]{32}")


class S3Bucket(Bucket):
    """Requests to one bucket.

    Args:
        client: The client of this process.
        name: Name of the bucket.
        requester_pays: Whether requests are charged to their sender.
    """

    def __init__(self, client: Client[S3FileSystem], name: str, *, requester_pays: bool) -> None:
        self.client = client
        self.name = name
        self._always = {"Bucket": name, **({"RequestPayer": "requester"} if requester_pays else {})}

    @property
    def ordered(self) -> bool:
        """Whether lists are sorted by name.

        Amazon promises it, except for directory buckets. Other services may not: SeaweedFS lists folder by folder,
        "a/b" before "a-b".
        """
        host = urlsplit(self._s3.meta.endpoint_url).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn")) and not self.name.endswith("--x-s3")

    async def read(self, name: str, span: Span, if_match: str | None, url: str) -> bytes:
        """Read a part of an object; see `Bucket.read`."""
        conditions = {} if span.whole else {"Range": span.header}
        if if_match is not None:
            conditions["IfMatch"] = f'"{if_match}"'
        try:
            reply = await self._s3.get_object(Key=name, **conditions, **self._always)
        except self._s3.exceptions.ClientError as error:
            if failures.ends_before(error, span):
                return b""
            raise
        status = reply["ResponseMetadata"]["HTTPStatusCode"]
        async with reply["Body"] as body:
            # The body of another status, such as a whole object in place of a range, may be very large.
            data = await body.read() if status == get_expected_status(span) else b""
        received = Reply(
            status=status,
            content_range=reply.get("ContentRange"),
            version=_get_etag(reply),
            body=data,
            length=reply.get("ContentLength"),
        )
        return check_reply(received, span, url, if_match)

    async def head(self, name: str) -> Stat:
        """Return size, version and time of modification of an object."""
        reply = await self._s3.head_object(Key=name, **self._always)
        return Stat(size=reply["ContentLength"], etag=_get_etag(reply), modified=reply.get("LastModified"))

    async def write(self, name: str, body: bytes, *, if_absent: bool) -> None:
        """Write an object with one request."""
        await self._s3.put_object(Key=name, Body=body, **_make_condition(if_absent), **self._always)

    async def remove(self, name: str) -> None:
        """Delete an object, if it exists."""
        with suppress(self._s3.exceptions.NoSuchKey):
            await self._s3.delete_object(Key=name, **self._always)

    async def list_page(self, prefix: str, token: Any) -> tuple[list[tuple[str, Stat]], Any]:
        """Return one page of the list of objects; see `Bucket.list_page`."""
        after = {} if token is None else {"ContinuationToken": token}
        reply = await self._s3.list_objects_v2(Prefix=prefix, **after, **self._always)
        entries = [(entry["Key"], _make_stat(entry)) for entry in reply.get("Contents", ())]
        return entries, reply["NextContinuationToken"] if reply.get("IsTruncated") else None

    async def sign(self, name: str, seconds: int) -> str | None:
        """Return a signed URL of an object. This sends no request."""
        params = {"Key": name, **self._always}
        signed: str = await self._s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
        return signed

    async def begin(self, name: str) -> str:
        """Begin a multipart upload and return its id."""
        reply = await self._s3.create_multipart_upload(Key=name, **self._always)
        return str(reply["UploadId"])

    async def upload_piece(self, name: str, upload: str, number: int, body: bytes) -> dict[str, Any]:
        """Upload a piece and return the entry that `complete` needs for it."""
        reply = await self._s3.upload_part(Key=name, UploadId=upload, PartNumber=number, Body=body, **self._always)
        return {"PartNumber": number, "ETag": reply["ETag"]}

    async def complete(self, name: str, upload: str, parts: list[dict[str, Any]], *, if_absent: bool) -> None:
        """Complete a multipart upload. Only now does the object exist."""
        await self._s3.complete_multipart_upload(
            Key=name, UploadId=upload, MultipartUpload={"Parts": parts}, **_make_condition(if_absent), **self._always
        )

    async def abort(self, name: str, upload: str) -> None:
        """Abort a multipart upload and delete its pieces."""
        with suppress(self._s3.exceptions.NoSuchUpload):
            await self._s3.abort_multipart_upload(Key=name, UploadId=upload, **self._always)

    async def list_uploads(self, prefix: str, token: Any) -> tuple[list[dict[str, Any]], Any]:
        """Return one page of the multipart uploads that were not completed, and the token of the next page."""
        reply = await self._s3.list_multipart_uploads(Prefix=prefix, **(token or {}), **self._always)
        more = {"KeyMarker": reply.get("NextKeyMarker"), "UploadIdMarker": reply.get("NextUploadIdMarker")}
        return reply.get("Uploads", []), more if reply.get("IsTruncated") else None

    async def list_piece_sizes(self, name: str, upload: str, token: Any) -> tuple[list[int], Any]:
        """Return one page of the sizes of an upload's pieces, and the token of the next page."""
        after = {} if token is None else {"PartNumberMarker": token}
        reply = await self._s3.list_parts(Key=name, UploadId=upload, **after, **self._always)
        sizes = [part["Size"] for part in reply.get("Parts", ())]
        return sizes, reply.get("NextPartNumberMarker") if reply.get("IsTruncated") else None

    @property
    def _s3(self) -> Any:
        return self.client.filesystem.s3


def _make_condition(if_absent: bool) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if if_absent else {}


def compute_multipart_etag(etags: list[str]) -> str | None:
    """Compute the etag of an object from the etags of its pieces, the way S3 does.

    Returns:
        None if the etags are not MD5 sums, as with encryption by KMS.
    """
    bare = [etag.strip('"') for etag in etags]
    if not all(_MD5.fullmatch(etag) for etag in bare):
        return None
    return f"{hashlib.md5(bytes.fromhex(''.join(bare)), usedforsecurity=False).hexdigest()}-{len(bare)}"


def _get_etag(reply: dict[str, Any]) -> str | None:
    etag = reply.get("ETag")
    return None if etag is None else str(etag).strip('"')


def _make_stat(entry: dict[str, Any]) -> Stat:
    return Stat(size=entry["Size"], etag=_get_etag(entry), modified=entry.get("LastModified"))

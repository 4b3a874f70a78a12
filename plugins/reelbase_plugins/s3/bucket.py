"""The requests to a bucket of S3."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reelbase.plugin import Stat
from reelbase_plugins._remote.fsspec import Bucket
from reelbase_plugins._remote.pieces import Reply, Span, checked, expected
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
        requester_pays: Said with each request.
    """

    def __init__(self, client: Client[S3FileSystem], name: str, *, requester_pays: bool) -> None:
        self.client = client
        self.name = name
        self._always = {"Bucket": name, **({"RequestPayer": "requester"} if requester_pays else {})}

    @property
    def ordered(self) -> bool:
        """As Amazon promises, but for directory buckets. SeaweedFS lists folder by folder: "a/b" before "a-b"."""
        host = urlsplit(self._s3.meta.endpoint_url).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn")) and not self.name.endswith("--x-s3")

    async def read(self, name: str, span: Span, if_match: str | None, url: str) -> bytes:
        """As `Bucket` says."""
        asked = {} if span.whole else {"Range": span.header}
        if if_match is not None:
            asked["IfMatch"] = f'"{if_match}"'
        try:
            found = await self._s3.get_object(Key=name, **asked, **self._always)
        except self._s3.exceptions.ClientError as error:
            if failures.ends_before(error, span):
                return b""
            raise
        status = found["ResponseMetadata"]["HTTPStatusCode"]
        async with found["Body"] as body:
            data = await body.read() if status == expected(span) else b""
        reply = Reply(
            status=status,
            content_range=found.get("ContentRange"),
            version=_etag(found),
            body=data,
            length=found.get("ContentLength"),
        )
        return checked(reply, span, url, if_match)

    async def head(self, name: str) -> Stat:
        """As `Bucket` says."""
        found = await self._s3.head_object(Key=name, **self._always)
        return Stat(size=found["ContentLength"], etag=_etag(found), modified=found.get("LastModified"))

    async def write(self, name: str, body: bytes, *, if_absent: bool) -> None:
        """As `Bucket` says."""
        await self._s3.put_object(Key=name, Body=body, **_claim(if_absent), **self._always)

    async def remove(self, name: str) -> None:
        """As `Bucket` says."""
        with suppress(self._s3.exceptions.NoSuchKey):
            await self._s3.delete_object(Key=name, **self._always)

    async def page(self, prefix: str, token: Any) -> tuple[list[tuple[str, Stat]], Any]:
        """As `Bucket` says."""
        after = {} if token is None else {"ContinuationToken": token}
        found = await self._s3.list_objects_v2(Prefix=prefix, **after, **self._always)
        entries = [(one["Key"], _list(one)) for one in found.get("Contents", ())]
        return entries, found["NextContinuationToken"] if found.get("IsTruncated") else None

    async def sign(self, name: str, seconds: int) -> str | None:
        """As `Bucket` says; no request."""
        params = {"Key": name, **self._always}
        signed: str = await self._s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
        return signed

    async def begin(self, name: str) -> str:
        """Begin an object in pieces; its id."""
        found = await self._s3.create_multipart_upload(Key=name, **self._always)
        return str(found["UploadId"])

    async def piece(self, name: str, upload: str, number: int, body: bytes) -> dict[str, Any]:
        """Upload a piece; what `complete` wants to know of it."""
        found = await self._s3.upload_part(Key=name, UploadId=upload, PartNumber=number, Body=body, **self._always)
        return {"PartNumber": number, "ETag": found["ETag"]}

    async def complete(self, name: str, upload: str, parts: list[dict[str, Any]], *, if_absent: bool) -> None:
        """Make the pieces one object."""
        await self._s3.complete_multipart_upload(
            Key=name, UploadId=upload, MultipartUpload={"Parts": parts}, **_claim(if_absent), **self._always
        )

    async def abort(self, name: str, upload: str) -> None:
        """Drop the pieces."""
        with suppress(self._s3.exceptions.NoSuchUpload):
            await self._s3.abort_multipart_upload(Key=name, UploadId=upload, **self._always)

    async def unfinished(self, prefix: str, token: Any) -> tuple[list[dict[str, Any]], Any]:
        """Some objects that are in pieces, and what to ask for those after them."""
        found = await self._s3.list_multipart_uploads(Prefix=prefix, **(token or {}), **self._always)
        more = {"KeyMarker": found.get("NextKeyMarker"), "UploadIdMarker": found.get("NextUploadIdMarker")}
        return found.get("Uploads", []), more if found.get("IsTruncated") else None

    async def uploaded(self, name: str, upload: str, token: Any) -> tuple[list[int], Any]:
        """The sizes of some of its pieces, and what to ask for those after them."""
        after = {} if token is None else {"PartNumberMarker": token}
        found = await self._s3.list_parts(Key=name, UploadId=upload, **after, **self._always)
        sizes = [one["Size"] for one in found.get("Parts", ())]
        return sizes, found.get("NextPartNumberMarker") if found.get("IsTruncated") else None

    @property
    def _s3(self) -> Any:
        return self.client.filesystem.s3


def _claim(if_absent: bool) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if if_absent else {}


def joined_etag(etags: list[str]) -> str | None:
    """Of an object in pieces, from those of its pieces; None: they are not md5 sums, as with keys of KMS."""
    bare = [etag.strip('"') for etag in etags]
    if not all(_MD5.fullmatch(one) for one in bare):
        return None
    return f"{hashlib.md5(bytes.fromhex(''.join(bare)), usedforsecurity=False).hexdigest()}-{len(bare)}"


def _etag(found: dict[str, Any]) -> str | None:
    etag = found.get("ETag")
    return None if etag is None else str(etag).strip('"')


def _list(one: dict[str, Any]) -> Stat:
    return Stat(size=one["Size"], etag=_etag(one), modified=one.get("LastModified"))

"""Storage in an S3 bucket: each object of a dataset is one object in the bucket."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import quote, unquote

from reelbase.errors import StorageError
from reelbase.plugin import Stat
from reelbase_plugins._remote.fsspec import BucketStorage
from reelbase_plugins.s3 import failures
from reelbase_plugins.s3.bucket import S3Bucket, compute_multipart_etag
from reelbase_plugins.s3.client import client_for
from reelbase_plugins.s3.options import Keys, S3Options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from reelbase.plugin import Credentials

_UPLOAD_PREFIX = ".~reelbase-upload/"  # of keys that stand for unfinished uploads in `leftovers` and `delete`
_MAX_PIECES_IN_FLIGHT = 3


class S3Storage(BucketStorage):
    """Objects below ``s3://bucket/folder``, on Amazon S3 or a compatible service.

    Args:
        root: URL of the folder.
        options: See `S3Options`.
        credentials: See `Keys`. None uses those that the AWS SDK finds, and anonymous access if it finds none.
    """

    table: ClassVar[type] = S3Options
    name: ClassVar[str] = "s3"
    failure = staticmethod(failures.failure)

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root, options=options, credentials=credentials)
        self._keys = None if credentials is None else Keys.of(credentials)

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """List multipart uploads that were never completed. S3 charges for them as for objects."""
        for entry in self.iterate_pages(lambda bucket, token: _s3(bucket).list_uploads(self.place.prefix, token)):
            name, upload = entry["Key"], entry["UploadId"]
            key = name.removeprefix(self.place.prefix)
            yield f"{_UPLOAD_PREFIX}{quote(upload, safe='')}/{key}", self._stat_upload(name, upload, entry)

    def delete(self, key: str) -> None:
        """Delete an object; or, for a key from `leftovers`, the pieces of an upload."""
        if not key.startswith(_UPLOAD_PREFIX):
            return super().delete(key)
        upload, _, rest = key.removeprefix(_UPLOAD_PREFIX).partition("/")
        return self._abort(self.place.make_name(rest), unquote(upload))

    def _open(self) -> S3Bucket:
        options = self.settings
        client = client_for(options, self._keys)
        return S3Bucket(client, self.place.bucket, requester_pays=options.requester_pays)

    def _upload(self, name: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        """Upload pieces in parallel. The object appears only with the last request, which completes the upload."""
        upload = self.ask(lambda bucket: _s3(bucket).begin(name), url)
        try:
            self._complete(name, upload, self._upload_pieces(name, upload, chunks, url), url, if_absent=if_absent)
        except BaseException:
            # The first error is the one to report. `leftovers` still finds the pieces if this fails.
            with suppress(StorageError):
                self._abort(name, upload)
            raise

    def _complete(self, name: str, upload: str, parts: list[dict[str, Any]], url: str, *, if_absent: bool) -> None:
        """Complete an upload.

        If the reply to the first try is lost, S3 answers the next one that there is no such upload. An upload that was
        completed is then recognised by the etag that its pieces add up to.
        """
        try:
            self.ask(
                lambda bucket: _s3(bucket).complete(name, upload, parts, if_absent=if_absent), url, repeat=not if_absent
            )
        except StorageError:
            if if_absent or not self._exists(name, parts, url):
                raise

    def _exists(self, name: str, parts: list[dict[str, Any]], url: str) -> bool:
        """Return True if an object exists and its etag is that of these parts."""
        wanted = compute_multipart_etag([str(part["ETag"]) for part in parts])
        with suppress(StorageError):
            return wanted is not None and self.ask(lambda bucket: bucket.head(name), url).etag == wanted
        return False

    def _upload_pieces(self, name: str, upload: str, chunks: Iterator[bytes], url: str) -> list[dict[str, Any]]:
        def upload_piece(number: int, body: bytes) -> dict[str, Any]:
            return self.ask(lambda bucket: _s3(bucket).upload_piece(name, upload, number, body), url)

        parts: list[dict[str, Any]] = []
        futures: deque[Future[dict[str, Any]]] = deque()
        with ThreadPoolExecutor(_MAX_PIECES_IN_FLIGHT) as pool:
            for number, chunk in enumerate(chunks, 1):
                # Wait before the next chunk is queued: queued chunks are in memory.
                if len(futures) == _MAX_PIECES_IN_FLIGHT:
                    parts.append(futures.popleft().result())
                futures.append(pool.submit(upload_piece, number, chunk))
            parts.extend(future.result() for future in futures)
        return parts

    def _abort(self, name: str, upload: str) -> None:
        self.ask(lambda bucket: _s3(bucket).abort(name, upload), self.place.make_label(""))

    def _stat_upload(self, name: str, upload: str, entry: dict[str, Any]) -> Stat:
        sizes = self.iterate_pages(lambda bucket, token: _s3(bucket).list_piece_sizes(name, upload, token))
        return Stat(size=sum(sizes), modified=entry.get("Initiated"))


def _s3(bucket: object) -> S3Bucket:
    return cast("S3Bucket", bucket)

"""Storage in a bucket of S3: one object an object."""

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
from reelbase_plugins.s3.bucket import S3Bucket, joined_etag
from reelbase_plugins.s3.client import client_for
from reelbase_plugins.s3.options import Keys, S3Options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from reelbase.plugin import Credentials

_UPLOAD = ".~reelbase-upload/"
_PIECES_AT_ONCE = 3


class S3Storage(BucketStorage):
    """Objects below ``s3://bucket/folder``, of Amazon or of a service like it.

    Args:
        root: Its URL.
        options: As in `S3Options`.
        credentials: As in `Keys`; None: what the SDK finds, or nobody's.
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
        """As the contract says: uploads in pieces that were never completed. S3 charges for them like for objects."""
        for one in self.paged(lambda bucket, token: _s3(bucket).unfinished(self.place.prefix, token)):
            name, upload = one["Key"], one["UploadId"]
            key = name.removeprefix(self.place.prefix)
            yield f"{_UPLOAD}{quote(upload, safe='')}/{key}", self._find_unfinished(name, upload, one)

    def delete(self, key: str) -> None:
        """As the contract says; of what `leftovers` names, all pieces."""
        if not key.startswith(_UPLOAD):
            return super().delete(key)
        upload, _, rest = key.removeprefix(_UPLOAD).partition("/")
        return self._abort(self.place.name(rest), unquote(upload))

    def _open(self) -> S3Bucket:
        options = self.settings
        client = client_for(options, self._keys)
        return S3Bucket(client, self.place.bucket, requester_pays=options.requester_pays)

    def _upload(self, name: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        """Pieces side by side, which do not show before the one request that makes them an object."""
        upload = self.ask(lambda bucket: _s3(bucket).begin(name), url)
        try:
            self._complete(name, upload, self._pieces(name, upload, chunks, url), url, if_absent=if_absent)
        except BaseException:
            with suppress(StorageError):  # what stopped us is told; `leftovers` finds the pieces
                self._abort(name, upload)
            raise

    def _complete(self, name: str, upload: str, parts: list[dict[str, Any]], url: str, *, if_absent: bool) -> None:
        """Once. Asked again after that, S3 says that there is no such upload: so it is looked what is there."""
        try:
            self.ask(
                lambda bucket: _s3(bucket).complete(name, upload, parts, if_absent=if_absent), url, repeat=not if_absent
            )
        except StorageError:
            if if_absent or not self._stands(name, parts, url):
                raise

    def _stands(self, name: str, parts: list[dict[str, Any]], url: str) -> bool:
        """Whether an object is there and has these parts, as far as one can see that."""
        wanted = joined_etag([str(part["ETag"]) for part in parts])
        with suppress(StorageError):
            return wanted is not None and self.ask(lambda bucket: bucket.head(name), url).etag == wanted
        return False

    def _pieces(self, name: str, upload: str, chunks: Iterator[bytes], url: str) -> list[dict[str, Any]]:
        def one(number: int, body: bytes) -> dict[str, Any]:
            return self.ask(lambda bucket: _s3(bucket).piece(name, upload, number, body), url)

        parts: list[dict[str, Any]] = []
        waiting: deque[Future[dict[str, Any]]] = deque()
        with ThreadPoolExecutor(_PIECES_AT_ONCE) as pool:
            for number, chunk in enumerate(chunks, 1):
                if len(waiting) == _PIECES_AT_ONCE:
                    parts.append(waiting.popleft().result())
                waiting.append(pool.submit(one, number, chunk))
            parts.extend(each.result() for each in waiting)
        return parts

    def _abort(self, name: str, upload: str) -> None:
        self.ask(lambda bucket: _s3(bucket).abort(name, upload), self.place.shown(""))

    def _find_unfinished(self, name: str, upload: str, one: dict[str, Any]) -> Stat:
        sizes = self.paged(lambda bucket, token: _s3(bucket).uploaded(name, upload, token))
        return Stat(size=sum(sizes), modified=one.get("Initiated"))


def _s3(bucket: object) -> S3Bucket:
    return cast("S3Bucket", bucket)

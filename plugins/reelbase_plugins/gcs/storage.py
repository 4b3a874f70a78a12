"""Storage in a bucket of Google Cloud Storage: one object an object."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from reelbase.errors import StorageError
from reelbase_plugins._remote.fsspec import BucketStorage
from reelbase_plugins.gcs import failures
from reelbase_plugins.gcs.bucket import GcsBucket
from reelbase_plugins.gcs.client import client_for
from reelbase_plugins.gcs.options import GcsOptions, google_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.plugin import Credentials


class GcsStorage(BucketStorage):
    """Objects below ``gs://bucket/folder``.

    Args:
        root: Its URL.
        options: As in `GcsOptions`.
        credentials: A service account's fields, an authorized user's, or a ``token``; None: what Google's own tools
            find, or nobody's.
    """

    table: ClassVar[type] = GcsOptions
    name: ClassVar[str] = "gcs"
    failure = staticmethod(failures.failure)

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root, options=options, credentials=credentials)
        if credentials is not None:
            google_credentials(credentials)  # says now what is wrong with them

    def _open(self) -> GcsBucket:
        options = self.settings
        charged = options.project if options.requester_pays else None
        return GcsBucket(client_for(options, self.credentials), self.place.bucket, charged=charged)

    def _upload(self, name: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        """Piece by piece: the object stands when the last has come."""
        session = self.ask(lambda bucket: _gcs(bucket).begin(name, if_absent=if_absent), url)
        try:
            self._send(session, chunks, url, if_absent=if_absent)
        except BaseException:
            with suppress(StorageError):  # what stopped us is told; Google drops what is unfinished after a week
                self.ask(lambda bucket: _gcs(bucket).abort(session), url)
            raise

    def _send(self, session: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        start, chunk = 0, next(chunks)
        for after in chunks:
            self._piece(session, start, chunk, None, url, if_absent=if_absent)
            start, chunk = start + len(chunk), after
        self._piece(session, start, chunk, start + len(chunk), url, if_absent=if_absent)

    def _piece(self, session: str, start: int, body: bytes, size: int | None, url: str, *, if_absent: bool) -> None:
        """Send a piece. The service may take only a part of it, and skips what it has already."""
        end = start + len(body)
        for _ in range(self.settings.tries):
            left, at = body[start - end :], start
            start = self.ask(
                lambda bucket: _gcs(bucket).piece(session, at, left, size, if_absent=if_absent),  # noqa: B023
                url,
                repeat=size is None or not if_absent,
            )
            if start >= end:
                return
            if start < end - len(body):
                break
        raise StorageError(f"{url}: the service lost a part of an upload.", "Try again.")


def _gcs(bucket: object) -> GcsBucket:
    return cast("GcsBucket", bucket)

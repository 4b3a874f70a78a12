"""Storage in a bucket of Google Cloud Storage: each object of a dataset is one object in the bucket."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from reelbase.errors import ObjectNotFoundError, StorageError
from reelbase_plugins._remote.fsspec import BucketStorage
from reelbase_plugins.gcs import failures
from reelbase_plugins.gcs.bucket import GcsBucket, Piece
from reelbase_plugins.gcs.client import client_for
from reelbase_plugins.gcs.options import GcsOptions, make_google_credentials

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

    from reelbase.plugin import Credentials
    from reelbase_plugins._remote.fsspec import Bucket
    from reelbase_plugins.gcs.bucket import Progress, Written


class GcsStorage(BucketStorage):
    """Objects below ``gs://bucket/folder``.

    Args:
        root: URL of the folder.
        options: See `GcsOptions`.
        credentials: Fields of a service account's key file, those of an authorized user, or a ``token``. None uses
            Google's application default credentials, and anonymous access if there are none.
    """

    table: ClassVar[type] = GcsOptions
    name: ClassVar[str] = "gcs"
    failure = staticmethod(failures.failure)

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root, options=options, credentials=credentials)
        if credentials is not None:
            make_google_credentials(credentials)  # raises an error now, not at the first request

    def _open(self) -> GcsBucket:
        options = self.settings
        charged = options.project if options.requester_pays else None
        return GcsBucket(client_for(options, self.credentials), self.place.bucket, charged=charged)

    def _upload(self, name: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> None:
        """Upload piece by piece. The object exists once the last piece has been received."""
        session = self.ask(lambda bucket: _gcs(bucket).begin(name, if_absent=if_absent), url)
        try:
            written, sent = self._send(session, chunks, url, if_absent=if_absent)
        except BaseException:
            # The first error is the one to report. Google deletes unfinished uploads after a week if this fails.
            with suppress(StorageError):
                self.ask(lambda bucket: _gcs(bucket).abort(session), url)
            raise
        if not sent.matches(written):  # its size or MD5 differs: delete exactly this generation
            with suppress(ObjectNotFoundError):  # it was deleted, and the reply that said so was lost
                self.ask(lambda bucket: _gcs(bucket).remove(name, written.generation), url)
            raise _make_incomplete_error(url)

    def _send(self, session: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> tuple[Written, _Sent]:
        """Send all chunks. Return the service's description of the object, and what was sent."""
        sent = _Sent()
        for chunk, last in _mark_last(chunks):
            start = sent.size
            sent.add(chunk)
            written = self._send_piece(
                session, Piece(start, chunk, sent.size if last else None), url, if_absent=if_absent
            )
            if written is not None:
                return written, sent
        raise _make_incomplete_error(url)

    def _send_piece(self, session: str, piece: Piece, url: str, *, if_absent: bool) -> Written | None:
        """Send a piece, again from where the service stopped if it took only a part; the object once it is complete."""
        for _ in range(self.settings.tries):
            progress = self._send_once(session, piece, url, if_absent=if_absent)
            if progress.written is not None or progress.received == piece.end:
                return progress.written
            if not piece.start <= progress.received < piece.end:
                break
            piece = piece.skip_to(progress.received)
        raise _make_incomplete_error(url)

    def _send_once(self, session: str, piece: Piece, url: str, *, if_absent: bool) -> Progress:
        is_retry = False

        def request(bucket: Bucket) -> Coroutine[Any, Any, Progress]:
            nonlocal is_retry
            send = _gcs(bucket).resume_piece if is_retry else _gcs(bucket).send_piece
            is_retry = True
            return send(session, piece, if_absent=if_absent)

        # The last piece of a conditional write creates the object: it is not sent again if its reply is lost.
        return self.ask(request, url, repeat=piece.size is None or not if_absent)


class _Sent:
    """Size and MD5 of the bytes sent so far."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self._md5.update(chunk)
        self.size += len(chunk)

    def matches(self, written: Written) -> bool:
        """Return True if the object that was written has this size and MD5, as far as the service says."""
        return written.size in (None, self.size) and written.md5 in (None, b64encode(self._md5.digest()).decode())


def _mark_last(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each chunk with True if it is the last one, else False."""
    chunk = next(chunks)
    for following in chunks:
        yield chunk, False
        chunk = following
    yield chunk, True


def _make_incomplete_error(url: str) -> StorageError:
    return StorageError(f"{url}: what was sent did not arrive whole.", "The incomplete object was deleted. Try again.")


def _gcs(bucket: object) -> GcsBucket:
    return cast("GcsBucket", bucket)

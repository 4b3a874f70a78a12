"""Storage in a bucket of Google Cloud Storage: one object an object."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from reelbase.errors import StorageError
from reelbase_plugins._remote.fsspec import BucketStorage
from reelbase_plugins.gcs import failures
from reelbase_plugins.gcs.bucket import GcsBucket, Piece
from reelbase_plugins.gcs.client import client_for
from reelbase_plugins.gcs.options import GcsOptions, google_credentials

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

    from reelbase.plugin import Credentials
    from reelbase_plugins._remote.fsspec import Bucket
    from reelbase_plugins.gcs.bucket import Made, Progress


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
            made, sent = self._send(session, chunks, url, if_absent=if_absent)
        except BaseException:
            with suppress(StorageError):  # what stopped us is told; Google drops what is unfinished after a week
                self.ask(lambda bucket: _gcs(bucket).abort(session), url)
            raise
        if not sent.is_in(made):
            self.ask(lambda bucket: _gcs(bucket).remove(name, made.generation), url)
            raise _not_whole(url)

    def _send(self, session: str, chunks: Iterator[bytes], url: str, *, if_absent: bool) -> tuple[Made, _Sent]:
        """Send all of it; what the service made of it."""
        sent = _Sent()
        for chunk, last in _mark(chunks):
            start = sent.size
            sent.add(chunk)
            made = self._piece(session, Piece(start, chunk, sent.size if last else None), url, if_absent=if_absent)
            if made is not None:
                return made, sent
        raise _not_whole(url)

    def _piece(self, session: str, piece: Piece, url: str, *, if_absent: bool) -> Made | None:
        """Send a piece, of which the service may take only a part; the object, if it stands now."""
        for _ in range(self.settings.tries):
            found = self._sent(session, piece, url, if_absent=if_absent)
            if found.made is not None or found.has == piece.end:
                return found.made
            if not piece.start <= found.has < piece.end:
                break
            piece = piece.after(found.has)
        raise _not_whole(url)

    def _sent(self, session: str, piece: Piece, url: str, *, if_absent: bool) -> Progress:
        before = False

        def once(bucket: Bucket) -> Coroutine[Any, Any, Progress]:
            nonlocal before
            send = _gcs(bucket).rest if before else _gcs(bucket).piece
            before = True
            return send(session, piece, if_absent=if_absent)

        return self.ask(once, url, repeat=piece.size is None or not if_absent)


class _Sent:
    """What was sent of an object so far."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self._md5.update(chunk)
        self.size += len(chunk)

    def is_in(self, made: Made) -> bool:
        """Whether that is what was made, as far as the service says."""
        return made.size in (None, self.size) and made.md5 in (None, b64encode(self._md5.digest()).decode())


def _mark(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each with whether it is the last."""
    chunk = next(chunks)
    for after in chunks:
        yield chunk, False
        chunk = after
    yield chunk, True


def _not_whole(url: str) -> StorageError:
    return StorageError(f"{url}: what was sent did not arrive whole.", "Nothing is left of it; try again.")


def _gcs(bucket: object) -> GcsBucket:
    return cast("GcsBucket", bucket)

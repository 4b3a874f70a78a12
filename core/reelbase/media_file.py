"""What `reelbase.read` returns: a media file that you can append to a tensor, or read by itself."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, cast

from reelbase.cells import MediaCell
from reelbase.config import settings
from reelbase.contracts.storage import Unchanging
from reelbase.errors import ObjectNotFoundError
from reelbase.io.blob import Blob, BytesSource, FileSource
from reelbase.io.cache.cached_source import Cached
from reelbase.media.sample import Sample
from reelbase.registry import FILE, registry, scheme_of
from reelbase.samples.foreign import SingleSource
from reelbase.selection.indexing import Index
from reelbase.view import Readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.cells import Cell
    from reelbase.contracts.storage import Stat, Storage

MAX_SPOOL_BYTES_IN_MEMORY: Final = 64 << 20
MAX_SNIFFED_BYTES: Final = 4096
MIN_AGE_OF_RELIABLE_ETAGS: Final = timedelta(seconds=60)
#: A scheme with one slash, as in ``s3:/bucket``. Of two letters or more: one is a drive of Windows.
_HALF_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")


@dataclass(frozen=True)
class Located:
    """Where a file is. Calling it opens the file as it is then.

    Attributes:
        storage: The storage that holds the file.
        key: The file's key in that storage.
        name: The path or URL that the user gave, for messages.
    """

    storage: Storage
    key: str
    name: str

    def __call__(self) -> Blob:
        """Open the file; reads after it was replaced raise ObjectChangedError.

        Raises:
            ObjectNotFoundError: there is no such file.
            StorageError: the storage cannot be read.
        """
        try:
            seen = self.storage.stat(self.key)
        except ObjectNotFoundError:
            if scheme_of(self.name) != FILE:
                raise
            if os.path.isdir(os.path.join(self.storage.root, self.key)):  # noqa: PTH112, PTH118 - any name is allowed
                raise ObjectNotFoundError(
                    f"{self.name!r} is a folder, not a media file.",
                    "Pass the path of a file in it; reelbase.load(path) opens a dataset.",
                ) from None
            half = _HALF_URL.match(self.name)
            raise ObjectNotFoundError(
                f"No file {self.name!r}.",
                f"A URL has two slashes: {half[1]}://{self.name[half.end() :]}."
                if half
                else "Check the path; it is relative to the working directory.",
            ) from None
        blob = Blob(Unchanging(self.storage, seen.etag), self.key, 0, seen.size)
        if not self.storage.distant:
            return blob
        # Indexing a file reads most of it: for a small one a single request is faster than several for parts.
        if seen.size <= settings().stream_above:
            return replace(blob, source=BytesSource(blob.read()))
        if not _has_reliable_etag(seen):  # cached bytes are found by their etag: never cache under one that may repeat
            return blob
        return replace(blob, source=Cached(blob.source, f"{self.name} {seen.etag} {seen.size}"))


def _has_reliable_etag(seen: Stat) -> bool:
    """Return True if the etag identifies these bytes: soon after a write it may be the same for a second write.

    Source: RFC 9110, 8.8.2.2 (a Last-Modified time is strong only if it is at least a minute old).
    """
    return (
        bool(seen.etag) and seen.modified is not None and datetime.now(UTC) - seen.modified > MIN_AGE_OF_RELIABLE_ETAGS
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class MediaFile(Sample, Readable):
    """One media file. Nothing is read until you append it or ask it something; then it is indexed once.

    ``reelbase.read(path)[100:200].numpy()`` works without a dataset: it can do everything that a view can.
    """

    def __len__(self) -> int:
        return self._cell.info.shape[0]

    def __getstate__(self) -> dict[str, Any]:
        # The cell may hold an open temporary file; another process indexes the file again.
        return {name: value for name, value in self.__dict__.items() if name != "_cell"}

    def __repr__(self) -> str:
        return f"MediaFile({self.filename!r})"

    @cached_property
    def _cell(self) -> MediaCell:
        blob = self.open()
        codec = registry().sniff(blob.read(0, MAX_SNIFFED_BYTES), self.filename)
        spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY))  # noqa: SIM115 - lives as long as the cell
        try:
            found = codec.ingest(blob, spool, filename=self.filename, check=self.check, stream=self.stream)
        except BaseException:
            spool.close()
            raise
        repacked = found.index is not None and found.index.repacked
        if repacked:
            packets = Blob(FileSource(spool), self.filename, 0, spool.seek(0, os.SEEK_END))
        else:
            packets = blob
            spool.close()
        return MediaCell(blob, packets, found.info, found.index, codec)

    _index: ClassVar[Index] = Index((0,))  # type: ignore[misc]  # always the one file

    @property
    def _source(self) -> _SingleFile:  # type: ignore[override]  # never assigned
        return _SingleFile(self)


class _SingleFile(SingleSource):
    """One file as a source with one row, for views (`reelbase.view.Source`)."""

    def __init__(self, file: MediaFile) -> None:
        self._file = file
        self.name = file.filename

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        return [self._file._cell for _ in rows]

    def label(self, row: int) -> str:
        return self.name

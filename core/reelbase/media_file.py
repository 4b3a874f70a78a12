"""What `reelbase.read` gives: a media file that can be appended to a tensor, or looked into by itself."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from reelbase.cells import MediaCell
from reelbase.config import settings
from reelbase.contracts.storage import Unchanging
from reelbase.errors import ObjectNotFoundError
from reelbase.io.blob import Blob, BytesSource, FileSource
from reelbase.io.cache.cached import Cached
from reelbase.media.sample import Sample
from reelbase.registry import FILE, registry, scheme_of
from reelbase.selection.indexing import Index
from reelbase.view import Chosen, Readable, View

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reelbase.cells import Cell
    from reelbase.contracts.storage import Stat, Storage

_SPOOL = 64 << 20
_SETTLED = timedelta(seconds=60)


@dataclass(frozen=True)
class Located:
    """Where a file lies; called, it gives its bytes, as they are then.

    Attributes:
        storage: It lies in.
        key: In there.
        name: What the user called it.
    """

    storage: Storage
    key: str
    name: str

    def __call__(self) -> Blob:
        """Its bytes; reads of a file that is replaced after this raise ObjectChangedError.

        Raises:
            ObjectNotFoundError, StorageError: it is not there, or cannot be looked at.
        """
        try:
            seen = self.storage.stat(self.key)
        except ObjectNotFoundError:
            if scheme_of(self.name) != FILE:
                raise
            raise ObjectNotFoundError(
                f"No file {self.name!r}.", "Check the path; it is relative to the working directory."
            ) from None
        blob = Blob(Unchanging(self.storage, seen.etag), self.key, 0, seen.size)
        if not self.storage.distant:
            return blob
        if seen.size <= settings().stream_above:  # to look through a file takes most of it
            return replace(blob, source=BytesSource(blob.read()))
        return replace(blob, source=Cached(blob.source, f"{self.name} {seen.etag} {seen.size}")) if _old(seen) else blob


def _old(seen: Stat) -> bool:
    """Whether the etag can be relied on: it may not change with a second write soon after (RFC 9110, 8.8.2.2)."""
    return bool(seen.etag) and seen.modified is not None and datetime.now(UTC) - seen.modified > _SETTLED


@dataclass(frozen=True, kw_only=True, eq=False)
class MediaFile(Sample, Readable):
    """One media file. Nothing is read before it is appended or asked; then it is looked through once.

    ``reelbase.read(path)[100:200].numpy()`` works without a dataset; everything a view can do, it can.
    """

    def __len__(self) -> int:
        return self._cell.info.shape[0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_cell"}

    def __repr__(self) -> str:
        return f"MediaFile({self.filename!r})"

    @cached_property
    def _cell(self) -> MediaCell:
        blob = self.open()
        codec = registry().sniff(blob.read(0, 4096), self.filename)
        spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(_SPOOL))  # noqa: SIM115 - lives as long as the cell
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

    def _chosen(self) -> Chosen:
        return View(_Alone(self), Index((0,)))._chosen()

    def _indexed(self, index: Callable[[Index], Index]) -> View:
        return View(_Alone(self), index(Index((0,))))


class _Alone:
    """One file as a source of one row."""

    def __init__(self, file: MediaFile) -> None:
        self._file = file
        self.name = file.filename

    def __len__(self) -> int:
        return 1

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        return [self._file._cell for _ in rows]

    def where(self, row: int) -> str:
        return self.name

"""Reading and building rows of columns: `RowReader` and `RowsBuilder` hide entries, chunks and blobs."""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np

from reelbase.errors import CorruptObjectError
from reelbase.format import chunk, keys
from reelbase.format.chunk import Form, PackedSample
from reelbase.format.entry import Kind, chain_entries, count_rows, make_entry, make_missing, object_key
from reelbase.io.batch_read import ByteRanges, PendingRead, execute, map_threads
from reelbase.io.blob import Blob
from reelbase.media.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reelbase.format.chunk import Samples
    from reelbase.format.entry import Entries
    from reelbase.format.state import Rows
    from reelbase.format.store import Location, Store

T = TypeVar("T")
#: Media samples of this size or more become objects of their own, which any player can open. Smaller ones are packed.
MIN_BLOB_BYTES = 8 << 20
NOTHING = PackedSample(Form.MISSING, (), b"")
_RESTORE = "Restore the object from a copy of the dataset."


class RowReader:
    """Reads the columns of one physical row.

    Args:
        store: The store of the dataset.
        rows: The rows of the tensor.
        row: The physical row.
    """

    def __init__(self, store: Store, rows: Rows, row: int) -> None:
        self._store = store
        self._rows = rows
        self._row = row

    @property
    def store(self) -> Store:
        """The store of the dataset."""
        return self._store

    def get_or_make(self, make: Callable[[], tuple[T, int]]) -> T:
        """Return what was cached for this row, or else call `make` and cache its value.

        Args:
            make: Returns the value and its approximate size in bytes.
        """
        return self._store.cache.get(self._cache_key(), make)

    @property
    def is_cached(self) -> bool:
        """True if something is cached for this row."""
        return self._store.cache.holds(self._cache_key())

    def _cache_key(self) -> tuple[object, ...]:
        """Return where the columns of the row are stored. A replaced row gets another key that way."""
        places = [column.find_entry(self._store, self._row) for column in self._rows.columns.values()]
        return ("row", *((entry["uuid"].tobytes(), int(entry["off"]), position) for entry, position in places))

    def read_sample(self, column: str) -> PackedSample:
        """Return the sample in a chunked column, or `NOTHING` if there is none.

        Raises:
            CorruptObjectError: the chunk is damaged.
            ObjectNotFoundError: the object that holds the chunk is gone.
        """
        found = self._find_entry(column)
        if found is None:
            return NOTHING
        entry, position = found
        return chunk_samples(self._store, entry)[position]

    def blob(self, column: str) -> Blob | None:
        """Return the bytes of the sample in a media column, or None if there is none."""
        found = self._find_entry(column)
        if found is None:
            return None
        entry, _ = found
        return Blob(self._store, object_key(entry), int(entry["off"]), int(entry["len"]), int(entry["crc"]))

    def _find_entry(self, column: str) -> tuple[Any, int] | None:
        """Return the entry of this row and the row's position in it, or None without a column or sample."""
        stored = self._rows.columns.get(column)
        found = None if stored is None else stored.find_entry(self._store, self._row)
        return None if found is None or found[0]["kind"] == Kind.MISSING else found


def fetch_rows(rows: Sequence[RowReader], columns: Sequence[str]) -> None:
    """Read what is needed of several rows of one tensor into the cache.

    It takes two rounds of requests for any number of rows: first the index, then the chunks.

    Args:
        rows: The rows.
        columns: Names of the chunked columns to read.

    Raises:
        CorruptObjectError: an index object or a chunk is damaged.
        ObjectNotFoundError: an object is gone.
    """
    if not rows:
        return
    store = rows[0]._store
    # Finding entries may read index pages, which are then cached. The columns do that at the same time.
    map_threads(partial(_find_entries, rows), list(rows[0]._rows.columns))
    found = [row._find_entry(column) for row in rows if not row.is_cached for column in columns]
    fetch_chunks(store, [item[0] for item in found if item is not None])


def _find_entries(rows: Sequence[RowReader], column: str) -> None:
    for row in rows:
        row._find_entry(column)


def chunk_samples(store: Store, entry: Any) -> Samples:
    """Return the samples of the chunk that an entry names.

    Raises:
        CorruptObjectError: the chunk is damaged.
        ObjectNotFoundError: the object that holds it is gone.
    """
    return store.cache.get(_cache_key(entry), lambda: _decode_samples(entry, entry_bytes(store, entry)))


def fetch_chunks(store: Store, entries: Sequence[Any]) -> None:
    """Read several chunks into the cache, all in one batch.

    Args:
        store: The store of the dataset.
        entries: The entries of the chunks.

    Raises:
        CorruptObjectError: a chunk is damaged.
        ObjectNotFoundError: an object is gone.
    """
    wanted = {key: entry for entry in entries if not store.cache.holds(key := _cache_key(entry))}
    blobs = [Blob(store, object_key(entry), int(entry["off"]), int(entry["len"])) for entry in wanted.values()]
    read = execute([PendingRead([ByteRanges(blob, [(0, blob.size)])], lambda blobs: blobs[0].read()) for blob in blobs])
    for entry, data in zip(wanted.values(), read, strict=True):
        _check_bytes(entry, data)
        store.cache.get(
            _cache_key(entry),
            lambda entry=entry, data=data: _decode_samples(entry, data),  # type: ignore[misc]
        )


def _cache_key(entry: Any) -> tuple[str, bytes, int]:
    return "chunk", entry["uuid"].tobytes(), int(entry["off"])


def _decode_samples(entry: Any, data: bytes) -> tuple[Samples, int]:
    """Return the samples of a chunk, and approximately how much memory they take in bytes."""
    key = object_key(entry)
    samples = chunk.decode(data, key)
    if len(samples) != entry["count"]:
        what = f"{len(samples)} samples at {entry['off']}, not {entry['count']}"
        raise CorruptObjectError(f"{key} holds {what}.", _RESTORE)
    return samples, samples.nbytes


def entry_bytes(store: Store, entry: Any) -> bytes:
    """Return all bytes that an entry names.

    Raises:
        CorruptObjectError: the bytes are damaged.
        ObjectNotFoundError: the object that holds them is gone.
    """
    key, off, size = object_key(entry), int(entry["off"]), int(entry["len"])
    return _check_bytes(entry, store.get(key, off, off + size))


def _check_bytes(entry: Any, data: bytes) -> bytes:
    """Return `data` after comparing its length and crc32 with those in the entry."""
    if len(data) != entry["len"] or zlib.crc32(data) != entry["crc"]:
        stop = int(entry["off"]) + int(entry["len"])
        raise CorruptObjectError(f"Bytes {entry['off']}:{stop} of {object_key(entry)} are damaged.", _RESTORE)
    return data


class RowsBuilder:
    """Collects rows to be appended to one tensor. Small samples are packed into chunks as they come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._columns = {"data": ColumnBuilder(store)}  # always there, so that rows without a sample are counted too
        self.count = 0

    def add(self, row: Mapping[str, PackedSample | Entries]) -> None:
        """Add one row.

        Args:
            row: By column name, a sample to be packed or the entry of a sample that is stored already. It is empty for
                a row without a sample.
        """
        for name, value in row.items():
            self._column(name).add(value)
        self.count += 1
        for column in self._columns.values():
            column.fill(self.count)

    def absorb(self, other: RowsBuilder) -> None:
        """Append the rows of another builder."""
        for name, column in other._columns.items():
            self._column(name).absorb(column)
        self.count += other.count
        for column in self._columns.values():
            column.fill(self.count)

    def finish(self) -> dict[str, Entries]:
        """Write the chunks that are still open, and return the entries of all columns by name."""
        return {name: column.finish() for name, column in self._columns.items()}

    def _column(self, name: str) -> ColumnBuilder:
        if name not in self._columns:
            self._columns[name] = ColumnBuilder(self._store)
            self._columns[name].fill(self.count)
        return self._columns[name]


def stack_rows(rows: Sequence[Mapping[str, Entries]]) -> dict[str, Entries]:
    """Return the entries of single rows by column, one for each row. Absent columns get missing samples."""
    names = {name for row in rows for name in row}
    return {name: np.concatenate([row.get(name, make_missing(1)) for row in rows]) for name in names}


class ColumnBuilder:
    """Collects entries of one column, and the samples of the chunk that is still open."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sealed: list[Entries] = []
        self._open: list[PackedSample] = []
        self._open_bytes = 0
        self._count = 0

    def add(self, value: PackedSample | Entries) -> None:
        """Add one row that is to be packed, or rows whose entries exist already."""
        if not isinstance(value, PackedSample):
            self._count += count_rows(value)
            self._seal()
            self._sealed.append(value)
            return
        self._count += 1
        size = len(value.payload)
        # A sample that is larger than a chunk should be gets a chunk of its own.
        if self._open and self._open_bytes + size > chunk.MAX_BYTES:
            self._seal()
        self._open.append(value)
        self._open_bytes += size
        if self._open_bytes >= chunk.MAX_BYTES or len(self._open) >= chunk.MAX_SAMPLES:
            self._seal()

    def fill(self, count: int) -> None:
        """Add rows without a sample until there are `count` rows in all."""
        self.skip(count - self._count)

    def skip(self, count: int) -> None:
        """Add so many rows without a sample."""
        if count <= 0:
            return
        self._count += count
        # A short gap goes into the open chunk: an entry for it would close the chunk and cost 48 bytes in the index.
        if self._open and count <= chunk.MAX_SAMPLES - len(self._open):
            self._open += [NOTHING] * count
            return
        self._seal()
        self._sealed.append(make_missing(count))

    def absorb(self, other: ColumnBuilder) -> None:
        """Append the rows of another builder.

        Samples of its open chunk are added to the open chunk of this one, so that few small chunks are written.
        """
        if other._sealed:
            self._seal()
            self._sealed += other._sealed
            self._count += sum(map(count_rows, other._sealed))
        for sample in other._open:
            self.add(sample)

    def finish(self) -> Entries:
        """Write the open chunk, and return the entries of all rows."""
        self._seal()
        return chain_entries(self._sealed)

    def _seal(self) -> None:
        if self._open:
            placed = self._store.add(chunk.encode(self._open))
            self._sealed.append(
                _make_placed_entry(placed, len(self._open), Kind.CHUNK, chunk.compute_weight(self._open_bytes))
            )
            self._open, self._open_bytes = [], 0


def place_media(store: Store, data: bytes, suffix: str) -> Entries:
    """Store a media sample as it is: in a pack, or as an object of its own if it is large. Return its entry."""
    if len(data) < MIN_BLOB_BYTES:
        return _make_placed_entry(store.add(data), 1, Kind.MEDIA, keys.ext_code(suffix))
    uid = uuid.uuid4().bytes
    ext = keys.ext_code(suffix)
    store.add_object(keys.blob(uid, ext), data)
    return make_entry(1, Kind.BLOB, crc=zlib.crc32(data), ext=ext, uid=uid, size=len(data))


@dataclass(frozen=True)
class PlacedFile:
    """A large media sample that was stored.

    Attributes:
        entry: Its entry.
        blob: Its bytes as they are stored.
        digest: Checksums of the bytes that were stored.
    """

    entry: Entries
    blob: Blob
    digest: Digest


def place_file(store: Store, file: BinaryIO, suffix: str) -> PlacedFile:
    """Store a large media sample from a file, without holding all of it in memory."""
    uid, ext = uuid.uuid4().bytes, keys.ext_code(suffix)
    # The checksums and the size are taken while the file is uploaded, so it is read only once.
    key, counted = keys.blob(uid, ext), _DigestingReader(file)
    store.add_object(key, cast("BinaryIO", counted))
    digest = counted.digest
    entry = make_entry(1, Kind.BLOB, crc=digest.crc, ext=ext, uid=uid, size=digest.size)
    return PlacedFile(entry, Blob(store, key, 0, digest.size, digest.crc), digest)


class _DigestingReader:
    """A binary file that takes the checksums of the bytes that are read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = Digest()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _make_placed_entry(placed: Location, count: int, kind: int, ext: int = 0) -> Entries:
    return make_entry(count, kind, crc=placed.crc, ext=ext, uid=placed.uid, off=placed.off, size=placed.size)

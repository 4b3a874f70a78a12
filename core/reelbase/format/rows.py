"""Reading and building rows of columns: entries, chunks and blobs behind two small classes."""

from __future__ import annotations

import uuid
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np

from reelbase.errors import CorruptObjectError
from reelbase.format import chunk, keys
from reelbase.format.chunk import Form, PackedSample
from reelbase.format.entry import Kind, chain_entries, count_rows, make_entry, make_missing, object_key
from reelbase.io.batch_read import ByteRanges, PendingRead, execute, map_threads
from reelbase.io.blob import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reelbase.format.chunk import Samples
    from reelbase.format.entry import Entries
    from reelbase.format.state import Rows
    from reelbase.format.store import Location, Store

T = TypeVar("T")
MIN_BLOB_BYTES = 8 << 20  # a media sample of this size is an object of its own
NOTHING = PackedSample(Form.MISSING, (), b"")
_RESTORE = "Restore the object from a copy of the dataset."


class RowReader:
    """The columns of one physical row."""

    def __init__(self, store: Store, rows: Rows, row: int) -> None:
        self._store = store
        self._rows = rows
        self._row = row

    @property
    def store(self) -> Store:
        """The objects of its dataset."""
        return self._store

    def get_or_make(self, make: Callable[[], tuple[T, int]]) -> T:
        """What `make` made of this row, while the cache has room."""
        return self._store.cache.get(self._cache_key(), make)

    @property
    def is_cached(self) -> bool:
        """Whether the cache has what was made of this row."""
        return self._store.cache.holds(self._cache_key())

    def _cache_key(self) -> tuple[object, ...]:
        """Where its columns lie: that says versions of a row apart."""
        places = [column.find_entry(self._store, self._row) for column in self._rows.columns.values()]
        return ("row", *((one["uuid"].tobytes(), int(one["off"]), place) for one, place in places))

    def read_sample(self, column: str) -> PackedSample:
        """The sample of a chunked column; `NOTHING` if it is missing.

        Raises:
            CorruptObjectError: its chunk is damaged.
            ObjectNotFoundError: its object is gone.
        """
        found = self._find_entry(column)
        if found is None:
            return NOTHING
        one, place = found
        return chunk_samples(self._store, one)[place]

    def blob(self, column: str) -> Blob | None:
        """The bytes of a media column, or None if the sample is missing."""
        found = self._find_entry(column)
        if found is None:
            return None
        one, _ = found
        return Blob(self._store, object_key(one), int(one["off"]), int(one["len"]))

    def _find_entry(self, column: str) -> tuple[Any, int] | None:
        """The entry of this row and the row's place in it; None where there is no such column or no sample."""
        held = self._rows.columns.get(column)
        found = None if held is None else held.find_entry(self._store, self._row)
        return None if found is None or found[0]["kind"] == Kind.MISSING else found


def fetch_rows(rows: Sequence[RowReader], columns: Sequence[str]) -> None:
    """Into the cache, in two steps for all of some rows of a tensor: where they lie, and their chunks of some columns.

    Raises:
        CorruptObjectError, ObjectNotFoundError: as `chunk_samples`.
    """
    if not rows:
        return
    store = rows[0]._store
    map_threads(partial(_find_entries, rows), list(rows[0]._rows.columns))
    found = [row._find_entry(column) for row in rows if not row.is_cached for column in columns]
    fetch_chunks(store, [item[0] for item in found if item is not None])


def _find_entries(rows: Sequence[RowReader], column: str) -> None:
    for row in rows:
        row._find_entry(column)


def chunk_samples(store: Store, one: Any) -> Samples:
    """The samples of a chunk, by its entry.

    Raises:
        CorruptObjectError: it is damaged.
        ObjectNotFoundError: its object is gone.
    """
    return store.cache.get(_cache_key(one), lambda: _decode_samples(one, entry_bytes(store, one)))


def fetch_chunks(store: Store, ones: Sequence[Any]) -> None:
    """Read chunks into the cache, all of them together; by their entries.

    Raises:
        CorruptObjectError, ObjectNotFoundError: as `chunk_samples`.
    """
    wanted = {held: one for one in ones if not store.cache.holds(held := _cache_key(one))}
    blobs = [Blob(store, object_key(item), int(item["off"]), int(item["len"])) for item in wanted.values()]
    read = execute([PendingRead([ByteRanges(blob, [(0, blob.size)])], lambda blobs: blobs[0].read()) for blob in blobs])
    for one, data in zip(wanted.values(), read, strict=True):
        _check_bytes(one, data)
        store.cache.get(_cache_key(one), lambda one=one, data=data: _decode_samples(one, data))  # type: ignore[misc]


def _cache_key(one: Any) -> tuple[str, bytes, int]:
    return "chunk", one["uuid"].tobytes(), int(one["off"])


def _decode_samples(one: Any, data: bytes) -> tuple[Samples, int]:
    """The samples in a chunk, and about how much memory they take."""
    key = object_key(one)
    samples = chunk.decode(data, key)
    if len(samples) != one["count"]:
        raise CorruptObjectError(f"{key} holds {len(samples)} samples at {one['off']}, not {one['count']}.", _RESTORE)
    return samples, samples.nbytes


def entry_bytes(store: Store, one: Any) -> bytes:
    """All bytes that an entry names.

    Raises:
        CorruptObjectError: they are damaged.
        ObjectNotFoundError: their object is gone.
    """
    key, off, size = object_key(one), int(one["off"]), int(one["len"])
    return _check_bytes(one, store.get(key, off, off + size))


def _check_bytes(one: Any, data: bytes) -> bytes:
    if len(data) != one["len"] or zlib.crc32(data) != one["crc"]:
        stop = int(one["off"]) + int(one["len"])
        raise CorruptObjectError(f"Bytes {one['off']}:{stop} of {object_key(one)} are damaged.", _RESTORE)
    return data


class RowsBuilder:
    """Rows to be appended to one tensor: chunks are sealed as they fill, media are placed at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._columns = {"data": ColumnBuilder(store)}  # also rows that hold nothing are counted somewhere
        self.count = 0

    def add(self, row: Mapping[str, PackedSample | Entries]) -> None:
        """One row: a packed sample or the entry of a placed one, by column; none at all for a missing sample."""
        for name, value in row.items():
            self._column(name).add(value)
        self.count += 1
        for column in self._columns.values():
            column.fill(self.count)

    def absorb(self, other: RowsBuilder) -> None:
        """Append another builder's rows."""
        for name, column in other._columns.items():
            self._column(name).absorb(column)
        self.count += other.count
        for column in self._columns.values():
            column.fill(self.count)

    def finish(self) -> dict[str, Entries]:
        """Seal what is open; the entries of all columns."""
        return {name: column.finish() for name, column in self._columns.items()}

    def _column(self, name: str) -> ColumnBuilder:
        if name not in self._columns:
            self._columns[name] = ColumnBuilder(self._store)
            self._columns[name].fill(self.count)
        return self._columns[name]


def stack_rows(rows: Sequence[Mapping[str, Entries]]) -> dict[str, Entries]:
    """Entries of single rows, by column: one a row, also where a row has no such column."""
    names = {name for row in rows for name in row}
    return {name: np.concatenate([row.get(name, make_missing(1)) for row in rows]) for name in names}


class ColumnBuilder:
    """Entries of one column, and the samples of the chunk that is still open."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sealed: list[Entries] = []
        self._open: list[PackedSample] = []
        self._open_bytes = 0
        self._count = 0

    def add(self, value: PackedSample | Entries) -> None:
        """One row, or the rows of entries that are placed."""
        if not isinstance(value, PackedSample):
            self._count += count_rows(value)
            self._seal()
            self._sealed.append(value)
            return
        self._count += 1
        size = len(value.payload)
        if self._open and self._open_bytes + size > chunk.MAX_BYTES:
            self._seal()
        self._open.append(value)
        self._open_bytes += size
        if self._open_bytes >= chunk.MAX_BYTES or len(self._open) >= chunk.MAX_SAMPLES:
            self._seal()

    def fill(self, count: int) -> None:
        """Rows without a sample, up to `count` rows in all."""
        self.skip(count - self._count)

    def skip(self, short: int) -> None:
        """So many rows without a sample."""
        if short <= 0:
            return
        self._count += short
        if self._open and short <= chunk.MAX_SAMPLES - len(self._open):
            self._open += [NOTHING] * short
            return
        self._seal()
        self._sealed.append(make_missing(short))

    def absorb(self, other: ColumnBuilder) -> None:
        """Another builder's rows after these; open samples stay open where the order allows."""
        if other._sealed:
            self._seal()
            self._sealed += other._sealed
            self._count += sum(map(count_rows, other._sealed))
        for packed in other._open:
            self.add(packed)

    def finish(self) -> Entries:
        """The entries of all rows."""
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
    """Place a media sample verbatim: in a pack, or as an object of its own when it is large."""
    if len(data) < MIN_BLOB_BYTES:
        return _make_placed_entry(store.add(data), 1, Kind.MEDIA, keys.ext_code(suffix))
    uid = uuid.uuid4().bytes
    ext = keys.ext_code(suffix)
    store.add_object(keys.blob(uid, ext), data)
    return make_entry(1, Kind.BLOB, crc=zlib.crc32(data), ext=ext, uid=uid, size=len(data))


def place_file(store: Store, file: BinaryIO, suffix: str) -> tuple[Entries, Blob]:
    """Upload a large media sample from a file, without holding it; its entry and its bytes as stored."""
    uid, ext = uuid.uuid4().bytes, keys.ext_code(suffix)
    key, counted = keys.blob(uid, ext), _CountingReader(file)
    store.add_object(key, cast("BinaryIO", counted))
    one = make_entry(1, Kind.BLOB, crc=counted.crc, ext=ext, uid=uid, size=counted.size)
    return one, Blob(store, key, 0, counted.size)


class _CountingReader:
    """A binary file that keeps size and crc32 of what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.crc = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        return data


def _make_placed_entry(placed: Location, count: int, kind: int, ext: int = 0) -> Entries:
    return make_entry(count, kind, crc=placed.crc, ext=ext, uid=placed.uid, off=placed.off, size=placed.size)

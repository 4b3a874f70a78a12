"""Index segments: many entries in one immutable object.

Layout, little-endian: ``<4s magic, u4 entries, u4 crc32 of the table>``, a table with the first row (u4) and the crc32
(u4) of every page of 128 entries, then the entries. A small segment is read as a whole. Of a large one, only the table
and one page are read to find a row.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CorruptObjectError
from reelbase.format import keys
from reelbase.format.entry import ENTRY, count_rows, find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.format.entry import Entries
    from reelbase.format.store import Store

_HEADER = struct.Struct("<4sII")
_MAGIC = b"RBI2"
_TABLE = np.dtype([("first", "<u4"), ("crc", "<u4")])
_ENTRIES_PER_PAGE = 128
_BYTES_PER_PAGE = _ENTRIES_PER_PAGE * ENTRY.itemsize
_MAX_BYTES_READ_WHOLE = 256 * 1024  # larger segments are read by page
#: So many entries may be in a tail, and so many segments on one level, before they are folded into a segment.
FOLD_FACTOR = 32


@dataclass(frozen=True)
class Segment:
    """A reference to a segment.

    Attributes:
        uid: Id of the index object that holds it.
        off: Offset in that object.
        size: Number of bytes.
        rows: Number of rows that the entries cover.
        entries: Number of entries.
        level: How often the entries have been folded, from 0. See `reelbase.format.fold`.
    """

    uid: bytes
    off: int
    size: int
    rows: int
    entries: int
    level: int

    def as_json(self) -> list[Any]:
        """Return the form that a commit carries."""
        return [self.uid.hex(), self.off, self.size, self.rows, self.entries, self.level]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> Segment:
        """Return the reference that `as_json` wrote."""
        return cls(bytes.fromhex(stored[0]), *(int(number) for number in stored[1:6]))


def write(store: Store, parts: Sequence[tuple[Entries, int]]) -> list[Segment]:
    """Write segments into one new index object.

    Args:
        store: The store of the dataset.
        parts: For each segment, its entries and its level.

    Returns:
        A reference to each segment, in the same order.
    """
    uid, body, segments = uuid.uuid4().bytes, b"", []
    for entries, level in parts:
        data = _encode(entries)
        segments.append(Segment(uid, len(body), len(data), count_rows(entries), len(entries), level))
        body += data
    # One object for all segments, so folding adds a single write to a commit.
    if parts:
        store.add_object(keys.index(uid), body)
    return segments


def _encode(entries: Entries) -> bytes:
    body = entries.tobytes()
    table = np.zeros(_count_pages(len(entries)), _TABLE)
    table["first"] = entries["first"][::_ENTRIES_PER_PAGE]
    table["crc"] = [zlib.crc32(body[at : at + _BYTES_PER_PAGE]) for at in range(0, len(body), _BYTES_PER_PAGE)]
    return _HEADER.pack(_MAGIC, len(entries), zlib.crc32(table.tobytes())) + table.tobytes() + body


def read_entries(store: Store, segment: Segment) -> Entries:
    """Return all entries of a segment.

    Raises:
        CorruptObjectError: the segment is damaged.
        ObjectNotFoundError: the index object is gone.
    """

    def read() -> tuple[Entries, int]:
        data = store.get(keys.index(segment.uid), segment.off, segment.off + segment.size)
        table = _decode_table(data, segment)
        body = data[_HEADER.size + table.nbytes :]
        pages = (_check_page(body, page, int(crc), segment) for page, crc in enumerate(table["crc"]))
        if len(body) != segment.entries * ENTRY.itemsize or not all(len(page) for page in pages):
            raise _corrupt_error(segment)
        return np.frombuffer(body, ENTRY), len(data)

    return store.cache.get(("segment", segment), read)


def find_entry(store: Store, segment: Segment, row: int) -> Any | None:
    """Return the entry that covers `row`, counted from the start of the segment, or None."""
    if segment.size <= _MAX_BYTES_READ_WHOLE:
        return find_covering(read_entries(store, segment), row)
    return find_covering(_read_page(store, segment, row), row)


def find_covering(entries: Entries, row: int) -> Any | None:
    """Return the entry that covers `row` among entries sorted by row, or None."""
    at = find(entries["first"], row)
    if at < 0:
        return None
    entry = entries[at]
    return entry if row < int(entry["first"]) + int(entry["count"]) else None


def _read_page(store: Store, segment: Segment, row: int) -> Entries:
    """Return the page of entries that a row is on.

    As long as the table is not cached, a page is guessed and fetched together with it, assuming that all entries cover
    the same number of rows. If the guess is right, no second request is needed.
    """
    key = keys.index(segment.uid)
    guess = min(row * segment.entries // (max(segment.rows, 1) * _ENTRIES_PER_PAGE), _count_pages(segment.entries) - 1)
    ahead: dict[int, bytes] = {}

    def read_table() -> tuple[NDArray[Any], int]:
        head, ahead[guess] = store.get_ranges(key, [(segment.off, _body_start(segment)), _page_span(segment, guess)])
        return _decode_table(bytes(head), segment), len(head)

    table = store.cache.get(("table", segment), read_table)
    page = max(find(table["first"], row), 0)

    def read_page() -> tuple[Entries, int]:
        data = ahead.get(page) or store.get(key, *_page_span(segment, page))
        return np.frombuffer(_check_page(bytes(data), 0, int(table["crc"][page]), segment), ENTRY), len(data)

    return store.cache.get(("page", segment, page), read_page)


def _body_start(segment: Segment) -> int:
    """Return the offset of the first entry in the index object."""
    return segment.off + _HEADER.size + _count_pages(segment.entries) * _TABLE.itemsize


def _page_span(segment: Segment, page: int) -> tuple[int, int]:
    """Return start and stop of a page in the index object."""
    start = _body_start(segment) + page * _BYTES_PER_PAGE
    return start, start + min(_ENTRIES_PER_PAGE, segment.entries - page * _ENTRIES_PER_PAGE) * ENTRY.itemsize


def _check_page(body: bytes, page: int, crc: int, segment: Segment) -> bytes:
    """Return the bytes of one page of `body`, after comparing their crc32."""
    data = body[page * _BYTES_PER_PAGE : (page + 1) * _BYTES_PER_PAGE]
    if zlib.crc32(data) != crc:
        raise _corrupt_error(segment)
    return data


def _count_pages(entries: int) -> int:
    return -(-entries // _ENTRIES_PER_PAGE)


def _decode_table(data: bytes, segment: Segment) -> NDArray[Any]:
    size = _count_pages(segment.entries) * _TABLE.itemsize
    if len(data) < _HEADER.size + size:
        raise _corrupt_error(segment)
    magic, count, crc = _HEADER.unpack_from(data)
    table = data[_HEADER.size : _HEADER.size + size]
    if magic != _MAGIC or count != segment.entries or crc != zlib.crc32(table):
        raise _corrupt_error(segment)
    return np.frombuffer(table, _TABLE)


def _corrupt_error(segment: Segment) -> CorruptObjectError:
    return CorruptObjectError(
        f"The index segment {keys.index(segment.uid)} is damaged.", "Restore the object from a copy of the dataset."
    )

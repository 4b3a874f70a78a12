"""Index segments: many entries in one immutable object, folded geometrically.

Layout, little-endian: ``<4s magic, u4 entries, u4 crc32 of the table>``, a table of the first row of every 128th entry
(u4), then the entries. A large segment is read by its table and one page; a small one whole.
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
from reelbase.format.entry import ENTRY, chained, find, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from reelbase.format.entry import Entries
    from reelbase.format.store import Store

_HEAD = struct.Struct("<4sII")
_MAGIC = b"RBI1"
_PAGE = 128
_WHOLE = 256 * 1024
FAN = 32  # entries of a commit's tail, and segments of one level, before they are folded


@dataclass(frozen=True)
class Segment:
    """Reference to a segment: object, place, rows covered, entries held and fold level."""

    uid: bytes
    off: int
    size: int
    rows: int
    entries: int
    level: int

    def as_json(self) -> list[Any]:
        """The form a commit carries."""
        return [self.uid.hex(), self.off, self.size, self.rows, self.entries, self.level]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> Segment:
        """The inverse of `as_json`."""
        return cls(bytes.fromhex(stored[0]), *(int(one) for one in stored[1:6]))


def write(store: Store, parts: Sequence[tuple[Entries, int]]) -> list[Segment]:
    """Write entries (each with its level) as segments of one new index object."""
    uid = uuid.uuid4().bytes
    body, made = b"", []
    for entries, level in parts:
        table = entries["first"][::_PAGE].astype("<u4").tobytes()
        data = _HEAD.pack(_MAGIC, len(entries), zlib.crc32(table)) + table + entries.tobytes()
        made.append(Segment(uid, len(body), len(data), rows_of(entries), len(entries), level))
        body += data
    store.add_object(keys.index(uid), body)
    return made


def entries(store: Store, segment: Segment) -> Entries:
    """All entries of a segment."""

    def read() -> tuple[Entries, int]:
        data = store.get(keys.index(segment.uid), segment.off, segment.off + segment.size)
        start = len(_table(data, segment)) * 4 + _HEAD.size
        if len(data) != start + segment.entries * ENTRY.itemsize:
            raise _corrupt(segment)
        return np.frombuffer(data, ENTRY, segment.entries, start), len(data)

    return store.cache.get(("segment", segment), read)


def entry_at(store: Store, segment: Segment, row: int) -> Any | None:
    """The entry that covers `row`, counted from the segment's start; None: no entry does."""
    if segment.size <= _WHOLE:
        return covering(entries(store, segment), row)
    return covering(_page(store, segment, row), row)


def covering(held: Entries, row: int) -> Any | None:
    """The one of ascending entries that covers `row`."""
    at = find(held["first"], row)
    if at < 0 or row >= int(held["first"][at]) + int(held["count"][at]):
        return None
    return held[at]


def _page(store: Store, segment: Segment, row: int) -> Entries:
    key = keys.index(segment.uid)
    table_size = -(-segment.entries // _PAGE) * 4

    def read_table() -> tuple[NDArray[Any], int]:
        head = store.get(key, segment.off, segment.off + _HEAD.size + table_size)
        return _table(head, segment), len(head)

    page = max(find(store.cache.get(("table", segment), read_table), row), 0)

    def read_page() -> tuple[Entries, int]:
        start = segment.off + _HEAD.size + table_size + page * _PAGE * ENTRY.itemsize
        count = min(_PAGE, segment.entries - page * _PAGE)
        data = store.get(key, start, start + count * ENTRY.itemsize)
        if len(data) != count * ENTRY.itemsize:
            raise _corrupt(segment)
        return np.frombuffer(data, ENTRY), len(data)

    return store.cache.get(("page", segment, page), read_page)


def _table(data: bytes, segment: Segment) -> NDArray[Any]:
    pages = -(-segment.entries // _PAGE)
    if len(data) < _HEAD.size + 4 * pages:
        raise _corrupt(segment)
    magic, count, crc = _HEAD.unpack_from(data)
    table = data[_HEAD.size : _HEAD.size + 4 * pages]
    if magic != _MAGIC or count != segment.entries or crc != zlib.crc32(table):
        raise _corrupt(segment)
    return np.frombuffer(table, "<u4")


def _corrupt(segment: Segment) -> CorruptObjectError:
    return CorruptObjectError(
        f"The index segment {keys.index(segment.uid)} is damaged.", "Restore the object from a copy of the dataset."
    )


def joined(store: Store, segments: Iterable[Segment], tail: Entries) -> Entries:
    """The entries of several segments and a tail as one run of appended rows."""
    return chained([*(entries(store, one) for one in segments), tail])

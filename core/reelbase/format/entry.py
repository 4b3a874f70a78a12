"""Index entries. Each says where a run of consecutive rows of one column is stored.

An entry has a fixed size of 48 bytes, so that the k-th entry of a list is found at byte 48 k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.format import keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

ENTRY = np.dtype(
    [
        ("first", "<u4"),  # first row, relative to the segment or tail; of replaced rows the physical row
        ("count", "<u4"),  # number of rows
        ("crc", "<u4"),  # crc32 of the bytes
        ("kind", "<u2"),
        ("ext", "<u2"),  # for media the suffix (keys.ext_code), for a chunk its size (chunk.compute_weight)
        ("uuid", "u1", (16,)),  # id of the object that holds the bytes
        ("off", "<u8"),  # offset in that object
        ("len", "<u8"),  # number of bytes
    ]
)
Entries = np.ndarray[Any, Any]
NO_ENTRIES: Entries = np.zeros(0, ENTRY)


class Kind:
    """What the bytes of an entry are."""

    CHUNK: Final = 0  #: a small chunk in a pack
    MEDIA: Final = 1  #: one media sample in a pack, verbatim
    BLOB: Final = 2  #: one media sample that is an object of its own, verbatim
    MISSING: Final = 3  #: rows without a sample; no bytes


def make_entry(
    count: int, kind: int, *, crc: int = 0, ext: int = 0, uid: bytes = bytes(16), off: int = 0, size: int = 0
) -> Entries:
    """Return one entry, as an array of length 1, with ``first`` 0.

    Args:
        count: Number of rows.
        kind: What the bytes are, see `Kind`.
        crc: crc32 of the bytes.
        ext: For media the suffix (`keys.ext_code`), for a chunk its size (`chunk.compute_weight`).
        uid: Id of the object that holds the bytes.
        off: Offset of the bytes in that object.
        size: Number of bytes.
    """
    entry = np.zeros(1, ENTRY)
    entry["count"], entry["kind"], entry["crc"], entry["ext"] = count, kind, crc, ext
    entry["uuid"][0] = np.frombuffer(uid, np.uint8)
    entry["off"], entry["len"] = off, size
    return entry


def make_missing(count: int) -> Entries:
    """Return entries for `count` rows without a sample."""
    return make_entry(count, Kind.MISSING) if count else NO_ENTRIES


def chain_entries(parts: Iterable[Entries]) -> Entries:
    """Return entries one after another, with ``first`` counted from 0 again."""
    joined = np.concatenate([NO_ENTRIES, *parts])
    counts = joined["count"].astype(np.uint64)
    joined["first"] = np.cumsum(counts) - counts
    return joined


def cut_before(entries: Entries, row: int) -> Entries:
    """Return the entries from `row` on. `entries` are sorted by row.

    An entry that reaches across `row` must be of rows without a sample, since only such an entry can be cut.
    """
    stops = entries["first"].astype(np.int64) + entries["count"]
    rest: Entries = entries[stops > row].copy()
    if len(rest) and (over := row - int(rest["first"][0])) > 0:
        rest["first"][0] = row
        rest["count"][0] -= over
    return rest


def count_rows(entries: Entries) -> int:
    """Return how many rows the entries cover."""
    return int(entries["count"].sum(dtype=np.uint64))


def find(firsts: NDArray[Any], row: int) -> int:
    """Return the index of the last of the ascending `firsts` that is not greater than `row`; -1 if all are."""
    return int(firsts.searchsorted(row, side="right")) - 1


def object_key(entry: Any) -> str:
    """Return the key of the object that holds the bytes of an entry."""
    uid = entry["uuid"].tobytes()
    return keys.blob(uid, int(entry["ext"])) if entry["kind"] == Kind.BLOB else keys.pack(uid)

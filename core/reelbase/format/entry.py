"""Index entries: where a run of rows of one column lies. Fixed 48 bytes each, so that entry k is at 48 k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.format import keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

ENTRY = np.dtype(
    [
        ("first", "<u4"),  # first row, relative to the segment; in an overlay the physical row
        ("count", "<u4"),
        ("crc", "<u4"),  # crc32 of the bytes
        ("kind", "<u2"),
        ("ext", "<u2"),  # of media the file suffix, see keys.ext_code; of a chunk its weight, see chunk.weight
        ("uuid", "u1", (16,)),
        ("off", "<u8"),
        ("len", "<u8"),
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
    """One entry, as an array of one, with ``first`` 0."""
    one = np.zeros(1, ENTRY)
    one["count"], one["kind"], one["crc"], one["ext"] = count, kind, crc, ext
    one["uuid"][0] = np.frombuffer(uid, np.uint8)
    one["off"], one["len"] = off, size
    return one


def make_missing(count: int) -> Entries:
    """Entries for `count` rows without a sample."""
    return make_entry(count, Kind.MISSING) if count else NO_ENTRIES


def chain_entries(parts: Iterable[Entries]) -> Entries:
    """Entries one after another, ``first`` counted again from 0."""
    joined = np.concatenate([NO_ENTRIES, *parts])
    counts = joined["count"].astype(np.uint64)
    joined["first"] = np.cumsum(counts) - counts
    return joined


def cut_before(entries: Entries, row: int) -> Entries:
    """Those of ascending entries from `row` on; one that reaches across it must be of missing samples, and is cut."""
    stops = entries["first"].astype(np.int64) + entries["count"]
    rest: Entries = entries[stops > row].copy()
    if len(rest) and (over := row - int(rest["first"][0])) > 0:
        rest["first"][0] = row
        rest["count"][0] -= over
    return rest


def count_rows(entries: Entries) -> int:
    """How many rows they cover."""
    return int(entries["count"].sum(dtype=np.uint64))


def find(firsts: NDArray[Any], row: int) -> int:
    """Which of ascending `firsts` covers `row`."""
    return int(firsts.searchsorted(row, side="right")) - 1


def object_key(one: Any) -> str:
    """The object that an entry's bytes are in."""
    uid = one["uuid"].tobytes()
    return keys.blob(uid, int(one["ext"])) if one["kind"] == Kind.BLOB else keys.pack(uid)

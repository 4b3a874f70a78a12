"""Verify a dataset: every object that a readable version needs exists and has the right size; deep: the right bytes.

Versions are checked from the newest to the oldest. An entry that several versions share is checked once, in the newest
of them, so that damage is reported for rows that the user still sees. Nothing is repaired.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from reelbase._util.printable import printable_line
from reelbase.errors import (
    CorruptObjectError,
    DatasetNotFoundError,
    FormatError,
    ObjectNotFoundError,
    ReelbaseError,
    VersionExpiredError,
)
from reelbase.format import keys, segment
from reelbase.format import log as logs
from reelbase.format.entry import NO_ENTRIES, Kind, object_key
from reelbase.format.header import Place
from reelbase.format.log import MAIN
from reelbase.format.rows import chunk_samples
from reelbase.format.store import Store
from reelbase.samples.pairing import find_mismatches
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.format.column import Column
    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.state import Rows

logger = logging.getLogger("reelbase.verify")

BYTES_PER_READ = 8 << 20  # of a sample that may be larger than memory
MAX_ROWS_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One object, or part of one, that cannot be read.

    Attributes:
        key: Key of the object.
        reason: What is wrong with it.
        version: Ref of the newest version that needs it.
        tensor: Name of the affected tensor in that version; None if more than one tensor is affected.
        rows: The affected rows of the tensor in that version. Empty if all its rows are affected, or only rows that
            were deleted or replaced.
    """

    key: str
    reason: str
    version: str
    tensor: str | None = None
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = "" if self.tensor is None else f", tensor {self.tensor!r}"
        rows = "" if not self.rows else f", row{'s' * (len(self.rows) > 1)} {_format_rows(self.rows)}"
        return printable_line(f"{self.version}{where}{rows}: {self.key}: {self.reason}")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found.

    Attributes:
        versions: Number of versions that were checked.
        objects: Number of data objects that they need.
        bytes: Bytes of samples that were read and compared with their checksums; 0 unless it was deep.
        damages: Everything that is damaged.
    """

    versions: int
    objects: int
    bytes: int
    damages: tuple[Damage, ...] = ()

    @property
    def ok(self) -> bool:
        """True if nothing is damaged."""
        return not self.damages


def verify(storage: Storage, *, deep: bool) -> Verification:
    """Check every version that can be read, the root object, and the tags.

    Args:
        storage: The dataset's storage.
        deep: Also read every byte of every sample, and compare checksums.

    Raises:
        DatasetNotFoundError: there is no dataset.
    """
    store = Store(storage, cache_bytes=0)  # no cache: the stored bytes must be read
    log = logs.open_log(store)
    lineage = Lineage(log)
    check = _Verifier(store, deep=deep)
    wrong = _check_root(storage, log.uid)
    if wrong is not None:
        check.report(Damage(key=keys.ROOT, reason=wrong, version=MAIN))
    newest = {branch: _find_newest(storage, branch) for branch in lineage.refs.branches()}
    places = (Place(branch, seq) for branch, last in newest.items() for seq in range(last, -1, -1))
    for commit in lineage.read_many(lambda place: _try_commit(lineage, place), places):
        if isinstance(commit, Damage):
            check.report(commit)
        elif commit is not None:
            check.check_version(commit)
    for name, place in lineage.refs.tags().items():
        if place.seq > newest.get(place.branch, -1):
            check.report(Damage(key=keys.tag(name), reason="names a version that is not there", version=str(place)))
    return check.finish()


def find_unpaired(store: Store, commit: Commit) -> Iterator[Damage]:
    """Yield the rows of a version in which a tensor has another number of items than its video has frames."""
    try:
        for mismatch in find_mismatches(store, commit.state):
            names = {side: commit.state.tensors[getattr(mismatch.pair, side)].name for side in ("items", "video")}
            yield Damage(
                key=f"per_frame_of {names['video']}",
                reason=f"{mismatch.items} items for {mismatch.frames} frames",
                version=str(commit.header.place),
                tensor=names["items"],
                rows=(mismatch.row,),
            )
    except (FormatError, ObjectNotFoundError) as error:  # damage, which is reported by itself
        logger.info("cannot compare paired tensors: %s", error)


def _check_root(storage: Storage, uid: str) -> str | None:
    """Return what is wrong with the root object, or None."""
    try:
        return None if logs.check_root(storage) == uid else "it names another dataset than the log"
    except (FormatError, DatasetNotFoundError) as error:
        return _first_line(error)


def _find_newest(storage: Storage, branch: str) -> int:
    """Return the highest commit number in a branch's log; -1 if it has no commits.

    The log is listed: a reader finds the newest commit by probing, which stops before a missing one.
    """
    listed = (keys.seq_of(key) for key, _ in storage.list(f"log/{branch}/"))
    return max((seq for seq in listed if seq is not None), default=-1)


def _try_commit(lineage: Lineage, place: Place) -> Commit | Damage | None:
    """Return a commit, or what is wrong with it. None if it has expired: its data may be deleted."""
    try:
        return lineage.commit(place)
    except VersionExpiredError:
        return None
    except ReelbaseError as error:
        key = keys.commit(*place)
        return Damage(key=key, reason=_first_line(error).removeprefix(f"{key} "), version=str(place))


@dataclass
class _Verifier:
    """Checks versions one by one, and remembers what was checked already.

    Attributes:
        store: The dataset's store, without a cache.
        deep: True if every byte is read.
        versions: Number of versions checked so far.
        bytes: Bytes of samples read so far.
        damages: What is damaged.
    """

    store: Store
    deep: bool
    versions: int = 0
    bytes: int = 0
    damages: list[Damage] = field(default_factory=list)

    def __post_init__(self) -> None:
        # One listing instead of a request for each object.
        listed = (item for prefix in keys.DATA for item in self.store.storage.list(prefix))
        self._sizes = {key: stat.size for key, stat in listed}
        self._objects: set[str] = set()
        self._seen: set[object] = set()

    def report(self, damage: Damage) -> None:
        """Add one damage to the result."""
        self.damages.append(damage)

    def finish(self) -> Verification:
        """Return the result."""
        return Verification(
            versions=self.versions, objects=len(self._objects), bytes=self.bytes, damages=tuple(self.damages)
        )

    def check_version(self, commit: Commit) -> None:
        """Check one version."""
        self.versions += 1
        self._objects.update(keys.index(bytes.fromhex(uid)) for uid in commit.spilled)
        for tensor, rows in commit.state.rows.items():
            _TensorCheck(self, commit, commit.state.tensors[tensor].name, rows).check()

    def is_new(self, thing: object) -> bool:
        """Return True if a segment or entry was not checked before, and remember it."""
        new = thing not in self._seen
        self._seen.add(thing)
        return new

    def read_segment(self, checked: Segment) -> Entries:
        """Return a segment's entries.

        Raises:
            CorruptObjectError, ObjectNotFoundError: they cannot be read.
        """
        self._objects.add(keys.index(checked.uid))
        return segment.read_entries(self.store, checked)

    def check_entry(self, entry: Entries) -> str | None:
        """Return what is wrong with the bytes of an entry (an array of length 1), or None."""
        key, stop = object_key(entry[0]), int(entry["off"][0]) + int(entry["len"][0])
        self._objects.add(key)
        size = self._sizes.get(key)
        if size is None:
            return "it is gone"
        # A pack may go on after the entry; an object of its own holds exactly one sample.
        if stop > size or (entry["kind"][0] == Kind.BLOB and stop != size):
            return f"it has {size} bytes, not {stop}"
        if not self.deep:
            return None
        self.bytes += int(entry["len"][0])
        return self._check_bytes(entry)

    def _check_bytes(self, entry: Entries) -> str | None:
        try:
            if entry["kind"][0] == Kind.CHUNK:
                chunk_samples(self.store, entry[0])
            else:
                self._check_media(entry)
        except (FormatError, ObjectNotFoundError) as error:
            return _first_line(error).replace(f" of {object_key(entry[0])}", "")
        return None

    def _check_media(self, entry: Entries) -> None:
        """Read a media sample in parts, since it may be larger than memory, and compare its checksum.

        Raises:
            CorruptObjectError: the sample is damaged.
        """
        key, start, size = object_key(entry[0]), int(entry["off"][0]), int(entry["len"][0])
        crc = 0
        for at in range(start, start + size, BYTES_PER_READ):
            crc = zlib.crc32(self.store.get(key, at, min(at + BYTES_PER_READ, start + size)), crc)
        if crc != entry["crc"][0]:
            raise CorruptObjectError(f"Bytes {start}:{start + size} of {key} are damaged.")


class _TensorCheck:
    """Checks one tensor of one version.

    Args:
        check: The verifier to report to.
        commit: The version.
        name: Name of the tensor in that version.
        rows: Rows of the tensor in that version.
    """

    def __init__(self, check: _Verifier, commit: Commit, name: str, rows: Rows) -> None:
        self._check = check
        self._version = str(commit.header.place)
        self._name = name
        self._rows = rows
        self._damaged: dict[tuple[str, str], list[int]] = {}  # physical rows by object and reason

    def check(self) -> None:
        """Check the segments and entries that no newer version has, and report damage."""
        for column in self._rows.columns.values():
            replaced = self._find_replaced(column)
            for start, part in zip(column.starts, column.segments, strict=False):
                self._check_entries(self._load(part), start, replaced)
            self._check_entries(column.tail, column.starts[-1], replaced)
            for patch in (*map(self._load, column.over), column.patch):
                self._check_entries(patch, 0, frozenset())
        for part in self._rows.dead.segments:
            self._load(part)
        for (key, reason), rows in self._damaged.items():
            shown = self._find_visible(rows)
            self._check.report(Damage(key=key, reason=reason, version=self._version, tensor=self._name, rows=shown))

    def _load(self, part: Segment) -> Entries:
        """Return a segment's entries; none if they were checked before, or cannot be read (which is recorded)."""
        if not self._check.is_new(part):
            return NO_ENTRIES
        try:
            return self._check.read_segment(part)
        except (FormatError, ObjectNotFoundError) as error:
            self._damaged[keys.index(part.uid), _first_line(error)] = []
            return NO_ENTRIES

    def _find_replaced(self, column: Column) -> frozenset[int]:
        """Return the physical rows that were replaced: damage of their older entries affects no row here."""
        try:
            return frozenset(column.read_replaced(self._check.store)["first"].tolist())
        except (FormatError, ObjectNotFoundError):  # reported when the segment itself is checked
            return frozenset()

    def _check_entries(self, entries: Entries, start: int, hidden: frozenset[int]) -> None:
        """Check entries whose first physical row is `start`; rows in `hidden` are not reported."""
        for at in range(len(entries)):
            entry = entries[at : at + 1]
            place = (entry["uuid"].tobytes(), int(entry["off"][0]))
            if entry["kind"][0] == Kind.MISSING or not self._check.is_new(place):
                continue
            reason = self._check.check_entry(entry)
            if reason is not None:
                first = start + int(entry["first"][0])
                rows = self._damaged.setdefault((object_key(entry[0]), reason), [])
                rows += [row for row in range(first, first + int(entry["count"][0])) if row not in hidden]

    def _find_visible(self, physical: list[int]) -> tuple[int, ...]:
        """Return the logical rows of physical rows, without those that were deleted."""
        dead = self._rows.dead
        try:
            rows = np.array(sorted(row for row in set(physical) if not dead.contains(self._check.store, row)), np.int64)
            return tuple(dead.to_logical(self._check.store, rows).tolist())
        except (FormatError, ObjectNotFoundError):  # the list of deleted rows is damaged itself
            return ()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _format_rows(rows: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, rows[:MAX_ROWS_SHOWN]))
    return shown if len(rows) <= MAX_ROWS_SHOWN else f"{shown} and {len(rows) - MAX_ROWS_SHOWN} more"

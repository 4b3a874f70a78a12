"""Verifying: every object that a readable version names is there, and as long as it must be; deep: every byte of it.

Versions are gone through from the newest to the oldest, and an entry is looked at once, where it is met first. Nothing
is mended: what is damaged is named.
"""

from __future__ import annotations

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
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from reelbase.contracts.storage import Storage
    from reelbase.format.column import Column
    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.state import Rows

_STRETCH = 8 << 20  # bytes of a large sample that are read at once
MAX_DAMAGES_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One thing that cannot be read.

    Attributes:
        key: The object.
        reason: What is wrong with it.
        version: Ref of the newest version that needs it.
        tensor: Name of the tensor there, or None: more than one tensor is concerned.
        rows: The rows of the tensor there; empty if none that can be seen there, or all of it.
    """

    key: str
    reason: str
    version: str
    tensor: str | None = None
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = "" if self.tensor is None else f", tensor {self.tensor!r}"
        rows = "" if not self.rows else f", row{'s' * (len(self.rows) > 1)} {_spelt(self.rows)}"
        return printable_line(f"{self.version}{where}{rows}: {self.key}: {self.reason}")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found.

    Attributes:
        versions: How many versions were looked at.
        objects: How many data objects they name.
        bytes: Bytes of samples that were read and compared with their checksums; 0 if it was not deep.
        damages: All that is wrong.
    """

    versions: int
    objects: int
    bytes: int
    damages: tuple[Damage, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damages


def verify(storage: Storage, *, deep: bool) -> Verification:
    """Look at every version that can be read, and at the root object.

    Raises:
        DatasetNotFoundError: there is no dataset.
    """
    store = Store(storage, cache_bytes=0)  # what is cached says nothing about what is stored
    log = logs.opened(store)
    lineage = Lineage(log)
    check = _Check(store, deep=deep)
    wrong = _root_damage(storage, log.uid)
    if wrong is not None:
        check.found(Damage(key=keys.ROOT, reason=wrong, version=MAIN))
    newest = {branch: _newest(storage, branch) for branch in lineage.refs.branches()}
    for branch, last in newest.items():
        for seq in range(last, -1, -1):
            check.place(lineage, Place(branch, seq))
    for name, place in lineage.refs.tags().items():
        if place.seq > newest.get(place.branch, -1):
            check.found(Damage(key=keys.tag(name), reason="names a version that is not there", version=str(place)))
    return check.result()


def _root_damage(storage: Storage, uid: str) -> str | None:
    """What is wrong with the root object, or None."""
    try:
        return None if logs.check_root(storage) == uid else "it names another dataset than the log"
    except (FormatError, DatasetNotFoundError) as error:
        return _first_line(error)


def _newest(storage: Storage, branch: str) -> int:
    """The highest number in a branch's log, found by listing: commits before it may be missing."""
    listed = (keys.seq_of(key) for key, _ in storage.list(f"log/{branch}/"))
    return max((seq for seq in listed if seq is not None), default=-1)


@dataclass
class _Check:
    """What was looked at so far."""

    store: Store
    deep: bool
    versions: int = 0
    bytes: int = 0
    damages: list[Damage] = field(default_factory=list)

    def __post_init__(self) -> None:
        listed = (one for prefix in keys.DATA for one in self.store.storage.list(prefix))
        self._sizes = {key: stat.size for key, stat in listed}
        self._objects: set[str] = set()
        self._seen: set[object] = set()

    def found(self, damage: Damage) -> None:
        """Something is wrong."""
        self.damages.append(damage)

    def result(self) -> Verification:
        """All that was found."""
        return Verification(
            versions=self.versions, objects=len(self._objects), bytes=self.bytes, damages=tuple(self.damages)
        )

    def place(self, lineage: Lineage, place: Place) -> None:
        """Look at one version, if it can be read."""
        try:
            commit = lineage.commit(place)
        except VersionExpiredError:
            return
        except ReelbaseError as error:
            key = keys.commit(*place)
            self.found(Damage(key=key, reason=_first_line(error).removeprefix(f"{key} "), version=str(place)))
            return
        self.versions += 1
        self._objects.update(keys.index(bytes.fromhex(uid)) for uid in commit.spilled)
        for tensor, rows in commit.state.rows.items():
            _Tensor(self, commit, commit.state.tensors[tensor].name, rows).check()

    def is_new(self, thing: object) -> bool:
        """Whether this was not looked at before."""
        new = thing not in self._seen
        self._seen.add(thing)
        return new

    def segment(self, one: Segment) -> Entries:
        """A segment's entries.

        Raises:
            CorruptObjectError, ObjectNotFoundError: they cannot be read.
        """
        self._objects.add(keys.index(one.uid))
        return segment.entries(self.store, one)

    def entry(self, one: Entries) -> str | None:
        """What is wrong with the bytes of an entry, or None."""
        key, stop = object_key(one[0]), int(one["off"][0]) + int(one["len"][0])
        self._objects.add(key)
        size = self._sizes.get(key)
        if size is None:
            return "it is gone"
        if stop > size or (one["kind"][0] == Kind.BLOB and stop != size):
            return f"it has {size} bytes, not {stop}"
        if not self.deep:
            return None
        self.bytes += int(one["len"][0])
        return self._read(one)

    def _read(self, one: Entries) -> str | None:
        try:
            if one["kind"][0] == Kind.CHUNK:
                chunk_samples(self.store, one[0])
            else:
                self._read_media(one)
        except (FormatError, ObjectNotFoundError) as error:
            return _first_line(error).replace(f" of {object_key(one[0])}", "")
        return None

    def _read_media(self, one: Entries) -> None:
        """Read a sample, which may be larger than memory, in stretches.

        Raises:
            CorruptObjectError: it is damaged.
        """
        key, start, size = object_key(one[0]), int(one["off"][0]), int(one["len"][0])
        crc = 0
        for at in range(start, start + size, _STRETCH):
            crc = zlib.crc32(self.store.get(key, at, min(at + _STRETCH, start + size)), crc)
        if crc != one["crc"][0]:
            raise CorruptObjectError(f"Bytes {start}:{start + size} of {key} are damaged.")


class _Tensor:
    """One tensor of one version."""

    def __init__(self, check: _Check, commit: Commit, name: str, rows: Rows) -> None:
        self._check = check
        self._version = str(commit.header.place)
        self._name = name
        self._rows = rows
        self._bad: dict[tuple[str, str], list[int]] = {}  # rows by object and reason

    def check(self) -> None:
        """Look at what was not looked at in newer versions."""
        for column in self._rows.columns.values():
            replaced = self._replace(column)
            for start, one in zip(column.starts, column.segments, strict=False):
                self._entries(self._load(one), start, replaced)
            self._entries(column.tail, column.starts[-1], replaced)
            for patch in (*map(self._load, column.over), column.patch):
                self._entries(patch, 0, frozenset())
        for one in self._rows.dead.segments:
            self._load(one)
        for (key, reason), rows in self._bad.items():
            shown = self._visible(rows)
            self._check.found(Damage(key=key, reason=reason, version=self._version, tensor=self._name, rows=shown))

    def _load(self, one: Segment) -> Entries:
        """A segment's entries; none if they were looked at before, or cannot be read."""
        if not self._check.is_new(one):
            return NO_ENTRIES
        try:
            return self._check.segment(one)
        except (FormatError, ObjectNotFoundError) as error:
            self._bad[keys.index(one.uid), _first_line(error)] = []
            return NO_ENTRIES

    def _replace(self, column: Column) -> frozenset[int]:
        """Rows whose older entries nobody sees in this version."""
        try:
            return frozenset(column.replaced(self._check.store)["first"].tolist())
        except (FormatError, ObjectNotFoundError):  # reported where the segment itself is looked at
            return frozenset()

    def _entries(self, entries: Entries, start: int, unseen: frozenset[int]) -> None:
        for at in range(len(entries)):
            one = entries[at : at + 1]
            if one["kind"][0] == Kind.MISSING or not self._check.is_new((one["uuid"].tobytes(), int(one["off"][0]))):
                continue
            reason = self._check.entry(one)
            if reason is not None:
                first = start + int(one["first"][0])
                rows = self._bad.setdefault((object_key(one[0]), reason), [])
                rows += [row for row in range(first, first + int(one["count"][0])) if row not in unseen]

    def _visible(self, physical: list[int]) -> tuple[int, ...]:
        """The logical rows of physical ones, without those that were deleted."""
        dead = self._rows.dead
        try:
            rows = np.array(sorted(row for row in set(physical) if not dead.names(self._check.store, row)), np.int64)
            return tuple(dead.logical(self._check.store, rows).tolist())
        except (FormatError, ObjectNotFoundError):  # which rows are deleted cannot be known any more
            return ()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _spelt(rows: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, rows[:MAX_DAMAGES_SHOWN]))
    return shown if len(rows) <= MAX_DAMAGES_SHOWN else f"{shown} and {len(rows) - MAX_DAMAGES_SHOWN} more"

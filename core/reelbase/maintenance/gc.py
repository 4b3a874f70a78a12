"""Garbage collection: what no version needs any more is deleted, once nobody can be using it.

Versions are gathered first and objects listed after, so that a new object has had its commit seen or is too young to
go. Commits that came meanwhile are looked at again before anything is deleted. Names in the log are never deleted; the
commit of an expired version is overwritten by what it said of itself, without its state.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reelbase.format import commit as commits
from reelbase.format import keys
from reelbase.format.header import Place
from reelbase.maintenance.reachable import Marks, heads, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage
    from reelbase.versions.refs import Expiry


@dataclass(frozen=True)
class Collected:
    """What `gc` deleted, or with ``dry_run`` would delete.

    Attributes:
        objects: How many objects.
        bytes: Their bytes.
        versions: Refs of the versions that can no longer be read.
    """

    objects: int = 0
    bytes: int = 0
    versions: tuple[str, ...] = ()


def gc(lineage: Lineage, store: Store, grace: timedelta, *, dry_run: bool) -> Collected:
    """Delete what no version needs, and what expired longer than `grace` ago."""
    storage = store.storage
    before = (datetime.now(UTC) if dry_run else _now(storage)) - grace
    due = [one for one in lineage.refs.expiries() if _older(one.written, before)]
    gone = _gone(lineage, due)
    marks, newest = Marks(store), heads(lineage)
    for version in versions(lineage, newest, without=gone):
        marks.add(version)
    doomed = dict(_doomed(storage, marks, before))
    for version in versions(lineage, heads(lineage), after=newest):
        marks.add(version)
    doomed = {key: size for key, size in doomed.items() if key not in marks}
    doomed |= _leftovers(storage, before)
    found = Collected(len(doomed), sum(doomed.values()), tuple(str(place) for place in sorted(gone)))
    if not dry_run:
        _empty(lineage, storage, gone)
        for key in doomed:
            storage.delete(key)
        for expiry in due:
            if _is_done(lineage, expiry):
                storage.delete(expiry.key)
    return found


def _gone(lineage: Lineage, due: list[Expiry]) -> set[Place]:
    """Expired versions that nothing has a name for, and whose commits still hold their state."""
    held = {*lineage.refs.tags().values(), *lineage.refs.forks()}
    return {
        place for expiry in due for place in _places(expiry) if place not in held and not lineage.header(place).expired
    }


def _places(expiry: Expiry) -> Iterator[Place]:
    return (Place(branch, seq) for branch, runs in expiry.runs.items() for run in runs for seq in range(*run))


def _doomed(storage: Storage, marks: Marks, before: datetime) -> Iterator[tuple[str, int]]:
    """Objects that are old enough and not needed, with their sizes."""
    for prefix in keys.DATA:
        for key, stat in storage.list(prefix):
            if key not in marks and _older(stat.modified, before):
                yield key, stat.size


def _leftovers(storage: Storage, before: datetime) -> dict[str, int]:
    """What broken writes left, with sizes."""
    return {key: stat.size for key, stat in storage.leftovers() if _older(stat.modified, before)}


def _empty(lineage: Lineage, storage: Storage, gone: set[Place]) -> None:
    for place in gone:
        storage.put(keys.commit(*place), commits.encode_expired(lineage.header(place)))


def _is_done(lineage: Lineage, expiry: Expiry) -> bool:
    return all(lineage.header(place).expired for place in _places(expiry))


def _older(time: datetime | None, before: datetime) -> bool:
    """Whether it is certain that something was written before then."""
    return time is not None and time <= before


def _now(storage: Storage) -> datetime:
    """The time by the storage's clock, which is the one that its objects carry."""
    key = f"{keys.CLOCK}{uuid.uuid4().hex}"
    storage.put(key, b"")
    try:
        return storage.stat(key).modified or datetime.now(UTC)
    finally:
        storage.delete(key)

"""Garbage collection: delete objects that no version needs, once they are old enough that no process uses them.

There are no locks; the order of steps makes it safe. All versions are read first and the objects listed afterwards. A
new object then either belongs to a commit that was read, or is too young to be deleted. Commits that were made
meanwhile are read before anything is deleted.

Commits are never deleted, because their numbers are never used again. The commit of an expired version is replaced by
its header, without its state.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from reelbase.errors import StorageFullError
from reelbase.format import commit as commits
from reelbase.format import keys
from reelbase.format.header import Place
from reelbase.maintenance.reachable import Marks, find_heads, read_versions
from reelbase.maintenance.room import making_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.format.store import Store
    from reelbase.maintenance.room import Room
    from reelbase.versions.ancestry import Lineage
    from reelbase.versions.refs import Expiry


@dataclass(frozen=True)
class Collected:
    """What `gc` deleted, or with ``dry_run`` would delete.

    Attributes:
        objects: Number of objects.
        bytes: Number of bytes in those objects.
        versions: Refs of the versions that can no longer be read.
    """

    objects: int = 0
    bytes: int = 0
    versions: tuple[str, ...] = ()


def gc(lineage: Lineage, store: Store, grace: timedelta, *, dry_run: bool) -> Collected:
    """Delete objects that no version needs, and the data of versions that expired longer than `grace` ago.

    Args:
        lineage: The commits of the dataset.
        store: The dataset's store.
        grace: Objects and expiry lists that were written within this time are kept.
        dry_run: Delete nothing; only return what would be deleted.
    """
    storage = store.storage
    # A dry run writes nothing, so it has this machine's clock only.
    before = (datetime.now(UTC) if dry_run else _read_storage_clock(storage)) - grace
    due = [expiry for expiry in lineage.refs.expiries() if _is_older(expiry.written, before)]
    expired = _find_expired(lineage, due)
    marks, newest = Marks(store), find_heads(lineage)
    for version in read_versions(lineage, newest, without=expired):
        marks.add(version)
    unneeded = dict(_find_unneeded(storage, marks, before))
    for version in read_versions(lineage, find_heads(lineage), after=newest):
        marks.add(version)
    unneeded = {key: size for key, size in unneeded.items() if key not in marks}
    unneeded |= _find_leftovers(storage, before)
    found = Collected(len(unneeded), sum(unneeded.values()), tuple(str(place) for place in sorted(expired)))
    if not dry_run:
        with making_room(lineage, storage, [expiry.key for expiry in due]) as room:
            _drop_states(lineage, storage, expired, room)
            for key in unneeded:
                storage.delete(key)
        for expiry in due:
            if _is_done(lineage, expiry):
                storage.delete(expiry.key)
    return found


def _find_expired(lineage: Lineage, due: list[Expiry]) -> set[Place]:
    """Return the expired versions that no tag or branch refers to, and whose commits still hold their state."""
    held = {*lineage.refs.tags().values(), *lineage.refs.forks()}
    listed = (place for expiry in due for place in _list_places(expiry) if place not in held)
    return {header.place for header in lineage.headers(listed) if not header.expired}


def _list_places(expiry: Expiry) -> Iterator[Place]:
    return (Place(branch, seq) for branch, runs in expiry.runs.items() for run in runs for seq in range(*run))


def _find_unneeded(storage: Storage, marks: Marks, before: datetime) -> Iterator[tuple[str, int]]:
    """Yield keys and sizes of objects that are old enough and that no version in `marks` needs."""
    for prefix in keys.DATA:
        for key, stat in storage.list(prefix):
            if key not in marks and _is_older(stat.modified, before):
                yield key, stat.size


def _find_leftovers(storage: Storage, before: datetime) -> dict[str, int]:
    """Return keys and sizes of what interrupted writes left, if it is old enough."""
    return {key: stat.size for key, stat in storage.leftovers() if _is_older(stat.modified, before)}


def _drop_states(lineage: Lineage, storage: Storage, expired: set[Place], room: Room) -> None:
    for header in lineage.headers(expired):
        room.write(partial(storage.put, keys.commit(*header.place), commits.encode_expired(header)))


def _is_done(lineage: Lineage, expiry: Expiry) -> bool:
    return all(header.expired for header in lineage.headers(_list_places(expiry)))


def _is_older(time: datetime | None, before: datetime) -> bool:
    """Return True if something was certainly written before then; False if its time is unknown."""
    return time is not None and time <= before


def _read_storage_clock(storage: Storage) -> datetime:
    """Return the time by the storage's clock, by writing an object and reading its time.

    The times of objects are by that clock; this machine's may differ, and objects would be deleted too early.
    """
    key = f"{keys.CLOCK}{uuid.uuid4().hex}"
    try:
        storage.put(key, b"")
    except StorageFullError:  # what was written last is not in the future
        return max((stat.modified for _, stat in storage.list() if stat.modified), default=datetime.now(UTC))
    try:
        return storage.stat(key).modified or datetime.now(UTC)
    finally:
        storage.delete(key)

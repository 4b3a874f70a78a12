"""Copying a dataset with all its versions: object by object, as they are.

Data go first, then the log, branches and tags, and the root object last: until then there is no dataset. What is there
already is not copied again, so a copy that was cut short goes on where it stopped.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, cast

from reelbase.errors import DatasetExistsError, ObjectNotFoundError
from reelbase.format import keys
from reelbase.format import log as logs
from reelbase.format.header import Place
from reelbase.io.blob import Blob
from reelbase.maintenance.reachable import Marks, heads, versions
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.format.log import Log
    from reelbase.format.store import Store


def mirror(log: Log, dest: Storage, progress: Callable[[int, int], object] | None) -> None:
    """Copy all versions that can be read.

    Args:
        log: Of any branch of the source.
        dest: Where to.
        progress: Called with bytes done and bytes in all.

    Raises:
        DatasetExistsError: there is something else.
    """
    lineage, store, uid = Lineage(log), log.store, log.uid
    _check_place(dest, uid)
    if logs.exists(dest):  # all was done but for the last step
        dest.delete(keys.COPYING)
        return
    dest.put(keys.COPYING, _mark(uid))
    newest = heads(lineage)
    sizes = dict(_objects(lineage, store, newest))
    there = {key: stat.size for key, stat in dest.list()}
    done, total = 0, sum(sizes.values())
    for key, size in sizes.items():
        if there.get(key) != size:
            _carry(store, key, size, dest)
        done += size
        if progress is not None:
            progress(done, total)
    logs.create(dest, uid)  # the commits carry it
    dest.delete(keys.COPYING)


def _check_place(dest: Storage, uid: str) -> None:
    """See that the place is empty, or holds the beginning of this copy.

    Raises:
        DatasetExistsError: it holds something else.
    """
    if next(iter(dest.list()), None) is None:
        return
    try:
        mine = dest.get(keys.COPYING) == _mark(uid)
    except ObjectNotFoundError:
        mine = False
    if not mine:
        raise DatasetExistsError(
            f"{dest.root!r} holds something else than the beginning of this copy.",
            "Choose another place; nothing was changed.",
        )


def _mark(uid: str) -> bytes:
    return json.dumps({"source": uid}).encode()


def _objects(lineage: Lineage, store: Store, newest: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Keys and sizes of all that is copied, in an order in which nothing is named before it is there."""
    marks = Marks(store)
    for version in versions(lineage, newest):
        marks.add(version)
    for prefix in keys.DATA:
        for key, stat in store.storage.list(prefix):
            if keys.uid_of(key) is not None and key in marks:
                yield key, stat.size
    for branch, last in newest.items():
        for seq in range(last + 1):
            key = keys.commit(*Place(branch, seq))
            yield key, store.storage.stat(key).size
    for prefix in (keys.BRANCHES, keys.TAGS, keys.EXPIRED):
        for key, stat in store.storage.list(prefix):
            yield key, stat.size


def _carry(store: Store, key: str, size: int, dest: Storage) -> None:
    with Blob(store.storage, key, 0, size).open() as file:
        dest.put(key, cast("BinaryIO", file))

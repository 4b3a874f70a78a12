"""Copy a dataset with all its versions, object by object.

Data are copied first, then the log, branches and tags, and the root object last: until then the copy is not a dataset,
so no reader finds half of one. Objects that were copied before are skipped, so a copy that was interrupted continues.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, cast

from reelbase.errors import DatasetExistsError, ObjectNotFoundError
from reelbase.format import keys
from reelbase.format import log as logs
from reelbase.format.header import Place
from reelbase.io.blob import Blob
from reelbase.maintenance.reachable import Marks, find_heads, read_versions
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.format.log import Log
    from reelbase.format.store import Store


def mirror(log: Log, dest: Storage, progress: Callable[[int, int], object] | None) -> None:
    """Copy all versions that can be read.

    Args:
        log: The log of any branch of the source.
        dest: The storage of the copy; empty, or with the beginning of the same copy.
        progress: Called with the number of bytes copied so far and of all bytes; None: not called.

    Raises:
        DatasetExistsError: `dest` holds something else.
    """
    lineage, store, uid = Lineage(log), log.store, log.uid
    _check_destination(dest, uid)
    if logs.exists(dest):  # an earlier call did everything but the last step
        dest.delete(keys.COPYING)
        return
    dest.put(keys.COPYING, _make_mark(uid))
    newest = find_heads(lineage)
    sizes = dict(_list_objects(lineage, store, newest))
    existing = {key: stat.size for key, stat in dest.list()}
    done, total = 0, sum(sizes.values())
    for key, size in sizes.items():
        if existing.get(key) != size:
            _copy_object(store, key, size, dest)
        done += size
        if progress is not None:
            progress(done, total)
    logs.create(dest, uid)  # the same id as the source: the copied commits contain it
    dest.delete(keys.COPYING)


def _check_destination(dest: Storage, uid: str) -> None:
    """Check that the destination is empty, or holds the beginning of this copy.

    Raises:
        DatasetExistsError: `dest` holds something else.
    """
    logs.check_not_a_file(dest)
    if next(iter(dest.list()), None) is None:
        return
    try:
        mine = dest.get(keys.COPYING) == _make_mark(uid)
    except ObjectNotFoundError:
        mine = False
    if not mine:
        raise DatasetExistsError(
            f"{dest.root!r} holds something else than the beginning of this copy.",
            "Choose another place; nothing was changed.",
        )


def _make_mark(uid: str) -> bytes:
    return json.dumps({"source": uid}).encode()


def _list_objects(lineage: Lineage, store: Store, newest: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Yield key and size of each object to copy. An object comes after those that it refers to."""
    marks = Marks(store)
    for version in read_versions(lineage, newest):
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


def _copy_object(store: Store, key: str, size: int, dest: Storage) -> None:
    with Blob(store.storage, key, 0, size).open() as file:
        dest.put(key, cast("BinaryIO", file))

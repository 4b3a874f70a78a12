"""Writing a little on a full disk, so that space can be freed.

Expiry and garbage collection write before they delete. The hints are copies of commits, so they can make room: without
them, a reader asks for some more commits, and nothing is lost. So can the lists of expired versions that gc is carrying
out: if it does not come to an end, the versions that are left have not expired.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelbase.errors import StorageError, StorageFullError
from reelbase.format import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reelbase.contracts.storage import Storage
    from reelbase.versions.ancestry import Lineage

logger = logging.getLogger("reelbase.maintenance")


class Room:
    """Room for small writes to a storage, made by deleting hints if it is full. `making_room` makes one.

    Args:
        lineage: The commits of the dataset.
        storage: Its storage.
        spare: Keys of objects to delete if there are no more hints.
    """

    def __init__(self, lineage: Lineage, storage: Storage, spare: Sequence[str]) -> None:
        self._lineage = lineage
        self._storage = storage
        self._branches: list[str] = []
        self._batches = iter((self._find_hints, lambda: spare))

    def write(self, write: Callable[[], object]) -> None:
        """Call `write`. If there is no space left, make some and call it again.

        Raises:
            StorageFullError: there is still no space.
        """
        try:
            write()
        except StorageFullError:
            find = next(self._batches, None)
            if find is None:
                raise
            for key in find():
                self._storage.delete(key)
            self.write(write)

    def _find_hints(self) -> Sequence[str]:
        self._branches = self._lineage.refs.branches()
        return [keys.latest(branch) for branch in self._branches]

    def restore(self) -> None:
        """Write the hints again, as far as there is space now."""
        for branch in self._branches:
            try:
                self._storage.put(keys.latest(branch), self._lineage.head(branch).body)
            except StorageError as error:
                logger.info("could not write the hint of %s: %s", branch, error)


@contextmanager
def making_room(lineage: Lineage, storage: Storage, spare: Sequence[str] = ()) -> Iterator[Room]:
    """Yield a `Room`; after the block, the hints that it deleted are restored."""
    room = Room(lineage, storage, spare)
    try:
        yield room
    finally:
        room.restore()

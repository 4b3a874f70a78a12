"""Writing a little on a full disk, so that space can be freed.

Expiry and garbage collection write before they delete. The hints are copies of commits, so they can make room: without
them, a reader asks for some more commits, and nothing is lost.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelbase.errors import StorageError, StorageFullError
from reelbase.format import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.versions.ancestry import Lineage

logger = logging.getLogger("reelbase.maintenance")


class Room:
    """Room for small writes to a storage, made by deleting hints if it is full. Use it inside `making_room`.

    Args:
        lineage: The commits of the dataset.
        storage: Its storage.
    """

    def __init__(self, lineage: Lineage, storage: Storage) -> None:
        self._lineage = lineage
        self._storage = storage
        self._freed: list[str] = []

    def write(self, write: Callable[[], object]) -> None:
        """Call `write`. If there is no space left, delete the hints and call it again.

        Raises:
            StorageFullError: there is still no space.
        """
        try:
            write()
        except StorageFullError:
            if self._freed:  # there are no more
                raise
            self._freed = self._lineage.refs.branches()
            for branch in self._freed:
                self._storage.delete(keys.latest(branch))
            write()

    def restore(self) -> None:
        """Write the hints again, as far as there is space now."""
        for branch in self._freed:
            try:
                self._storage.put(keys.latest(branch), self._lineage.head(branch).body)
            except StorageError as error:
                logger.info("could not write the hint of %s: %s", branch, error)


@contextmanager
def making_room(lineage: Lineage, storage: Storage) -> Iterator[Room]:
    """Yield a `Room`; after the block, what it deleted is restored."""
    room = Room(lineage, storage)
    try:
        yield room
    finally:
        room.restore()

"""Storage on local disk: one file an object."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

from reelbase.errors import StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins.local.paths import inside, local_path
from reelbase_plugins.local.reading import finding, is_leftover, is_object, opened, read, stat_of, walk
from reelbase_plugins.local.writing import TEMPORARY, remove, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.plugin import Credentials


class LocalStorage(Storage):
    """Files below one folder. Writes are atomic and durable, and no key leads out of the folder.

    Args:
        root: A path (``~`` is expanded) or a ``file://`` URL; it need not exist before the first `put`.
        options: None are known.
        credentials: Not used.
    """

    distant = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(os.path.realpath(local_path(root)), options=options, credentials=credentials)

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """The real folder and the name of a file, whatever characters it has."""
        return os.path.split(os.path.realpath(local_path(url)))

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says."""
        with opened(inside(self.root, key), if_match) as (file, size):
            return read(file, start, size if stop is None else min(stop, size))

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None) -> list[bytes]:
        """As the contract says; the file is opened once."""
        with opened(inside(self.root, key), if_match) as (file, size):
            return [read(file, start, min(stop, size)) for start, stop in ranges]

    def stat(self, key: str) -> Stat:
        """As the contract says."""
        path = inside(self.root, key)
        with finding(path):
            return stat_of(path, os.stat(path))  # noqa: PTH116 - names need not be UTF-8: strings all the way

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """As the contract says."""
        path = inside(self.root, key)
        if any(part.startswith(TEMPORARY) for part in key.split("/")):
            raise StorageError(f"{key!r} is a name for temporary files.", "Choose another.")
        write(path, data, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """As the contract says; folders that this leaves empty are removed, the root is not."""
        remove(inside(self.root, key), self.root)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """As the contract says; links and special files do not show."""
        return walk(self.root, prefix, is_object)

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """As the contract says: temporary files of writers that were killed, or that are still at it."""
        return walk(self.root, "", is_leftover)

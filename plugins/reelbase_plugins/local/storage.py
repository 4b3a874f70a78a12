"""Storage on local disk: each object is one file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

from reelbase.errors import StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins.local.paths import join_key, parse_path
from reelbase_plugins.local.reading import is_leftover, is_object, make_stat, open_file, read, translating_absence, walk
from reelbase_plugins.local.writing import TEMPORARY, remove, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.plugin import Credentials


class LocalStorage(Storage):
    """Files below one folder. Writes are atomic and durable, and no key leads out of the folder.

    Args:
        root: Path (``~`` is expanded) or ``file://`` URL of the folder; it is created by the first `put`.
        options: Not used: there are no options.
        credentials: Not used.
    """

    distant = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(os.path.realpath(parse_path(root)), options=options, credentials=credentials)

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """Split a path or URL into the folder, with symbolic links resolved, and the file name."""
        return os.path.split(os.path.realpath(parse_path(url)))

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Read a file or a part of it."""
        with open_file(join_key(self.root, key), if_match) as (file, size):
            return read(file, start, size if stop is None else min(stop, size))

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None) -> list[bytes]:
        """Read several parts of a file, which is opened once, so that all are of the same version."""
        with open_file(join_key(self.root, key), if_match) as (file, size):
            return [read(file, start, min(stop, size)) for start, stop in ranges]

    def stat(self, key: str) -> Stat:
        """Return size, etag and time of modification of a file."""
        path = join_key(self.root, key)
        with translating_absence(path):
            return make_stat(path, os.stat(path))  # noqa: PTH116 - str, because names need not be UTF-8

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """Write a file, atomically and durably."""
        path = join_key(self.root, key)
        # Lists leave out such names, and gc deletes them as leftovers.
        if any(part.startswith(TEMPORARY) for part in key.split("/")):
            raise StorageError(f"{key!r} is reserved for temporary files.", "Choose another name.")
        write(path, data, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """Delete a file, if it exists, and folders that become empty, except the root."""
        remove(join_key(self.root, key), self.root)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """List files in order of their keys. Links and special files are left out."""
        return walk(self.root, prefix, is_object)

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """List temporary files of writers that were killed, or that are still running."""
        return walk(self.root, "", is_leftover)

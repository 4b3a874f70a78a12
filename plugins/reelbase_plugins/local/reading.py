"""Open, look at and list files."""

from __future__ import annotations

import os
import stat as modes
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reelbase.errors import ObjectChangedError, ObjectNotFoundError, StorageError
from reelbase.plugin import Stat
from reelbase_plugins.local.writing import TEMPORARY, failing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: O_NONBLOCK: opening a FIFO would wait for a writer; on files it means nothing. Windows has O_BINARY alone.
_OPEN_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


@contextmanager
def opened(path: str, if_match: str | None) -> Iterator[tuple[int, int]]:
    """The descriptor and size of a regular file.

    Raises:
        ObjectNotFoundError: nothing is there, or a folder.
        ObjectChangedError: its etag is not `if_match`.
        StorageError: it is not a regular file, or cannot be opened.
    """
    with finding(path):
        descriptor = os.open(path, _OPEN_FLAGS)
    try:
        with failing(path):
            found = stat_of(path, os.fstat(descriptor))
        if if_match not in {None, found.etag}:
            raise ObjectChangedError(f"{path!r} was changed since it was last looked at.", "Read or load it again.")
        with failing(path):
            yield descriptor, found.size
    finally:
        os.close(descriptor)


@contextmanager
def finding(path: str) -> Iterator[None]:
    """Turn an OSError about `path` into ours; one that says nothing is there into ObjectNotFoundError."""
    try:
        with failing(path):
            yield
    except StorageError as error:
        if isinstance(error.__cause__, _ABSENT):
            raise _absent(path) from None
        raise


def read(descriptor: int, start: int, stop: int) -> bytes:
    """Bytes ``start:stop``, as far as the file has them."""
    parts = []
    while start < stop and (part := _read_at(descriptor, stop - start, start)):
        parts.append(part)
        start += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_at(descriptor: int, size: int, start: int) -> bytes:
    """As `os.pread`, which Windows lacks. Seeking is safe: each call of `opened` has a descriptor of its own."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, start)
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, size)


def stat_of(path: str, found: os.stat_result) -> Stat:
    """Size, etag and time of a regular file.

    Raises:
        ObjectNotFoundError: it is a folder.
        StorageError: it is a device, a pipe or a socket.
    """
    if modes.S_ISDIR(found.st_mode):
        raise ObjectNotFoundError(f"{path!r} is a folder, not a file.", "Name a file in it.")
    if not modes.S_ISREG(found.st_mode):
        raise StorageError(f"{path!r} is not a regular file.", "Copy what it gives to one.")
    return Stat(
        size=found.st_size,
        etag=f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}",
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )


def is_object(name: str) -> bool:
    """Whether a file of that name is an object, and not one that is still being written."""
    return not name.startswith(TEMPORARY)


def is_leftover(name: str) -> bool:
    """Whether a file of that name is being written, or was when its writer was killed."""
    return name.startswith(TEMPORARY)


def walk(folder: str, prefix: str, wanted: Callable[[str], bool], base: str = "") -> Iterator[tuple[str, Stat]]:
    """Keys that start with `prefix`, and their files, in order of keys; without links and special files.

    Args:
        folder: To look through.
        prefix: Of keys.
        wanted: Which names of files count.
        base: The key of `folder`, with a slash at its end.
    """
    for name, entry in _sort(folder, wanted):
        key = base + name
        if key.endswith("/") and (key.startswith(prefix) or prefix.startswith(key)):
            yield from walk(entry.path, prefix, wanted, key)
        elif key.startswith(prefix) and not key.endswith("/"):
            try:
                yield key, stat_of(entry.path, entry.stat(follow_symlinks=False))
            except FileNotFoundError:  # removed meanwhile
                continue


def _sort(folder: str, wanted: Callable[[str], bool]) -> list[tuple[str, os.DirEntry[str]]]:
    """A folder's entries. A folder sorts by its name with the slash: ``a-b`` comes before ``a/b``."""
    try:
        with failing(folder), os.scandir(folder) as entries:
            named = [(f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name, one) for one in entries]
    except StorageError as error:
        if isinstance(error.__cause__, _ABSENT):
            return []
        raise
    files = (one for one in named if one[0].endswith("/") or (_is_file(one[1]) and wanted(one[0])))
    return sorted(files, key=lambda one: one[0])


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _absent(path: str) -> ObjectNotFoundError:
    return ObjectNotFoundError(f"No file {path!r}.", "Check the path.")

"""Opening, reading and listing of files."""

from __future__ import annotations

import os
import stat as modes
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reelbase.errors import ObjectChangedError, ObjectNotFoundError, StorageError
from reelbase.plugin import Stat
from reelbase_plugins.local.writing import TEMPORARY, translating_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: O_NONBLOCK: without it, opening a FIFO waits for a writer; it has no effect on files. Windows only has O_BINARY.
_OPEN_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


@contextmanager
def open_file(path: str, if_match: str | None) -> Iterator[tuple[int, int]]:
    """Open a regular file and yield its descriptor and size.

    Args:
        path: Path of the file.
        if_match: Etag that the file must have; None accepts any.

    Raises:
        ObjectNotFoundError: there is no such file, or it is a folder.
        ObjectChangedError: its etag is not `if_match`.
        StorageError: it is not a regular file, or cannot be opened.
    """
    with translating_absence(path):
        descriptor = os.open(path, _OPEN_FLAGS)
    try:
        with translating_errors(path):
            found = make_stat(path, os.fstat(descriptor))
        if if_match not in {None, found.etag}:
            raise ObjectChangedError(f"{path!r} has changed since it was last read.", "Read or load it again.")
        with translating_errors(path):
            yield descriptor, found.size
    finally:
        with suppress(OSError):  # what was read is right all the same
            os.close(descriptor)


@contextmanager
def translating_absence(path: str) -> Iterator[None]:
    """Translate an OSError in the block; if the file does not exist, to ObjectNotFoundError."""
    try:
        with translating_errors(path):
            yield
    except StorageError as error:
        if isinstance(error.__cause__, _ABSENT):
            raise _make_absent_error(path) from None
        raise


def read(descriptor: int, start: int, stop: int) -> bytes:
    """Read the bytes from `start` to before `stop`; fewer if the file ends earlier."""
    parts = []
    while start < stop and (part := _read_at(descriptor, stop - start, start)):
        parts.append(part)
        start += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_at(descriptor: int, size: int, start: int) -> bytes:
    """Call `os.pread`, or seek and read on Windows, which does not have it."""
    # Seeking is safe, because each call of `open_file` has its own descriptor.
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, start)
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, size)


def make_stat(path: str, found: os.stat_result) -> Stat:
    """Return size, etag and time of modification of a regular file.

    Args:
        path: Path of the file, for messages.
        found: Result of `os.stat` for it.

    Raises:
        ObjectNotFoundError: it is a folder.
        StorageError: it is a device, a pipe or a socket.
    """
    if modes.S_ISDIR(found.st_mode):
        raise ObjectNotFoundError(f"{path!r} is a folder, not a file.", "Pass the path of a file in it.")
    if not modes.S_ISREG(found.st_mode):
        raise StorageError(f"{path!r} is not a regular file.", "Copy its content to a regular file.")
    return Stat(
        size=found.st_size,
        # Not a hash of the content: hashing a large file to open it would cost more than the read itself.
        etag=f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}",
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )


def is_object(name: str) -> bool:
    """Return True if a file with this name is an object, and not a temporary file."""
    return not name.startswith(TEMPORARY)


def is_leftover(name: str) -> bool:
    """Return True if a file with this name is a temporary file, of a writer that is still running or was killed."""
    return name.startswith(TEMPORARY)


def walk(folder: str, prefix: str, wanted: Callable[[str], bool], base: str = "") -> Iterator[tuple[str, Stat]]:
    """Yield keys and stats of files in order of their keys. Links and special files are left out.

    Args:
        folder: Path of the folder to search.
        prefix: Prefix that keys must have.
        wanted: Returns True for the file names to include.
        base: Key of `folder` with a slash at its end; empty for the root.
    """
    for name, entry in _list_entries(folder, wanted):
        key = base + name
        if key.endswith("/") and (key.startswith(prefix) or prefix.startswith(key)):
            yield from walk(entry.path, prefix, wanted, key)
        elif key.startswith(prefix) and not key.endswith("/"):
            try:
                yield key, make_stat(entry.path, entry.stat(follow_symlinks=False))
            except FileNotFoundError:  # it was removed in the meantime
                continue


def _list_entries(folder: str, wanted: Callable[[str], bool]) -> list[tuple[str, os.DirEntry[str]]]:
    """Return the entries of a folder, sorted by key. Folders sort with their slash: ``a-b`` is before ``a/b``."""
    try:
        with translating_errors(folder), os.scandir(folder) as entries:
            named = [
                (f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name, entry) for entry in entries
            ]
    except StorageError as error:
        if isinstance(error.__cause__, _ABSENT):
            return []
        raise
    included = ((name, entry) for name, entry in named if name.endswith("/") or (_is_file(entry) and wanted(name)))
    return sorted(included, key=lambda item: item[0])


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _make_absent_error(path: str) -> ObjectNotFoundError:
    return ObjectNotFoundError(f"There is no file {path!r}.", "Check the path.")

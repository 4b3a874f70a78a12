"""Put a file in place, whole and durable or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from reelbase.errors import ObjectExistsError, OutcomeUnknownError, StorageError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = ".~reelbase-"
_CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
_HINT = "Keep datasets on a filesystem that has them, such as ext4, xfs, btrfs, APFS or NTFS."
_ATTEMPTS = 8
_durable: set[str] = set()  # folders whose names this process has seen synced


def write(path: str, data: bytes | BinaryIO, *, if_absent: bool) -> None:
    """Write a file through a temporary one beside it.

    With `if_absent` the name is claimed with a hard link: the one call that makes a name for a whole file and fails
    if the name is there (``O_EXCL`` could leave a torn file, ``rename`` would replace).

    Raises:
        ObjectExistsError: with `if_absent`, the name is there.
        StorageFullError, StorageError: it could not be written; nothing is left behind.
        OutcomeUnknownError: it stands, but the disk did not confirm its name.
    """
    temporary = _written(path, data)
    try:
        with failing(path):
            _place(temporary, path, if_absent=if_absent)
    except ObjectExistsError:
        _confirm(path)  # whoever asks builds on it: it must not be gone after a power failure
        raise
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
    _confirm(path)


def _confirm(path: str) -> None:
    """See that the name of a file is durable.

    Raises:
        OutcomeUnknownError: the disk did not say so.
    """
    try:
        _sync(os.path.dirname(path))  # noqa: PTH120
    except OSError as error:
        raise OutcomeUnknownError(f"{path!r} may not be durable: {error.strerror}.", "Check the disk.") from error


def remove(path: str, root: str) -> None:
    """Remove a file, then the folders up to `root` that are empty; what is not there, or no file, is not an error.

    Raises:
        StorageError: it cannot be removed.
    """
    with failing(path), suppress(FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(path) or os.path.islink(path):  # noqa: PTH112, PTH114
            os.unlink(path)  # noqa: PTH108
    # Another writer may have put a file into one: then rmdir fails, as it should.
    with suppress(OSError):
        while (path := os.path.dirname(path)) != root:  # noqa: PTH120
            os.rmdir(path)  # noqa: PTH106


@contextmanager
def failing(path: str) -> Iterator[None]:
    """Turn an OSError about `path` into ours."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(f"No space left to write {path!r}.", "Make room, then try again.") from error
        todo = "Check the path and its permissions."
        raise StorageError(f"{path!r}: {error.strerror or error}.", todo) from error


def _written(path: str, data: bytes | BinaryIO) -> str:
    descriptor, temporary = _new(path)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for chunk in _chunks(data):
                with failing(path):
                    _write_all(file.fileno(), chunk)
            with failing(path):
                os.fsync(file.fileno())
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise
    return temporary


def _new(path: str) -> tuple[int, str]:
    folder = os.path.dirname(path)  # noqa: PTH120
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    for last in (False,) * (_ATTEMPTS - 1) + (True,):
        temporary = os.path.join(folder, TEMPORARY + secrets.token_hex(8))  # noqa: PTH118
        try:
            with failing(path):
                make_folder(folder)
                return os.open(temporary, flags, 0o666), temporary
        except StorageError as error:
            # Somebody removed the folder in between; it is made again.
            if last or not isinstance(error.__cause__, FileNotFoundError):
                raise
    raise AssertionError


def make_folder(folder: str) -> None:
    """Make a folder and those above it; each is durable in its parent, also if another process made it just now."""
    there = os.path.isdir(folder)  # noqa: PTH112
    if there and folder in _durable:
        return
    parent = os.path.dirname(folder)  # noqa: PTH120
    if parent != folder:
        make_folder(parent)
    if not there:
        with suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102
        _sync(parent)
    else:
        with suppress(PermissionError):  # far above, it may not be ours to open
            _sync(parent)
    _durable.add(folder)


def _chunks(data: bytes | BinaryIO) -> Iterator[memoryview]:
    if isinstance(data, (bytes, bytearray, memoryview)):
        yield memoryview(data).cast("B")
        return
    while chunk := data.read(_CHUNK):
        yield memoryview(chunk)


def _write_all(descriptor: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(descriptor, chunk) :]


def _place(temporary: str, path: str, *, if_absent: bool) -> None:
    if not if_absent:
        os.replace(temporary, path)  # noqa: PTH105
        return
    if not hasattr(os, "link"):
        raise StorageError(
            "Safe commits to a local folder need hard links, which are not available on this system.", _HINT
        )
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise ObjectExistsError(f"{path!r} exists.", "Nothing was written.") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise StorageError(
            f"The filesystem of {path!r} ({_filesystem(path)}) has no hard links, which safe commits need.", _HINT
        ) from error


def _filesystem(path: str) -> str:
    """Its type and mount point, where /proc says."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            mounts = [line.split()[1:3] for line in file]
    except OSError:
        return "of unknown type"
    over = [mount for mount in mounts if f"{path}/".startswith(mount[0].rstrip("/") + "/")]
    point, kind = max(over, key=lambda mount: len(mount[0]), default=("/", "of unknown type"))
    return f"{kind} at {point}"


def _sync(folder: str) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder; NTFS writes names through its journal
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

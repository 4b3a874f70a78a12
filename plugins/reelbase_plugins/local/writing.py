"""Atomic and durable writes of files: the data is synced, then the name is set, then the folder is synced."""

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
_BYTES_PER_READ = 1 << 20
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
_HINT = "Keep datasets on a filesystem with hard links, such as ext4, xfs, btrfs, APFS or NTFS."
_MAX_ATTEMPTS = 8
_durable: set[str] = set()  # folders whose names this process has synced, or found synced


def write(path: str, data: bytes | BinaryIO, *, if_absent: bool) -> None:
    """Write a file by way of a temporary file in the same folder.

    Args:
        path: Path of the file.
        data: Bytes, or a file that is read to its end.
        if_absent: Whether to fail if the name exists. The temporary file then gets the name with a hard link. This is
            the only call that names a complete file and fails if the name exists: ``O_EXCL`` could leave a torn file,
            and ``rename`` would replace the other one.

    Raises:
        ObjectExistsError: `if_absent` is True and the name exists.
        StorageFullError, StorageError: the file could not be written; nothing is left behind.
        OutcomeUnknownError: the file was written, but the folder could not be synced.
    """
    temporary = _write_temporary(path, data)
    try:
        with translating_errors(path):
            _set_name(temporary, path, if_absent=if_absent)
    except ObjectExistsError:
        # The caller now relies on the other writer's file, so it must not be lost in a power failure.
        _confirm(path)
        raise
    finally:
        # Whether the file is in place is decided by now. If the temporary name cannot be removed, that must not look
        # like a failed write, which a caller would repeat; gc removes such names later.
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
    _confirm(path)


def _confirm(path: str) -> None:
    """Make the name of a file durable.

    Raises:
        OutcomeUnknownError: the folder could not be synced.
    """
    try:
        _sync(os.path.dirname(path))  # noqa: PTH120
    except OSError as error:
        raise OutcomeUnknownError(f"{path!r} may not be durable: {error.strerror}.", "Check the disk.") from error


def remove(path: str, root: str) -> None:
    """Remove a file, if it exists, and then empty folders up to `root`. Folders at `path` are left alone.

    Args:
        path: Path of the file.
        root: Folder to stop at.

    Raises:
        StorageError: the file cannot be removed.
    """
    with translating_errors(path), suppress(FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(path) or os.path.islink(path):  # noqa: PTH112, PTH114
            os.unlink(path)  # noqa: PTH108
    # If another writer has put a file into a folder, rmdir fails, as it should.
    with suppress(OSError):
        while (path := os.path.dirname(path)) != root:  # noqa: PTH120
            os.rmdir(path)  # noqa: PTH106


@contextmanager
def translating_errors(path: str) -> Iterator[None]:
    """Translate an OSError in the block to a StorageError about `path`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise StorageFullError(
                f"There is no space left to write {path!r}.", "Make room, then try again."
            ) from error
        todo = "Check the path and its permissions."
        raise StorageError(f"{path!r}: {error.strerror or error}.", todo) from error


def _write_temporary(path: str, data: bytes | BinaryIO) -> str:
    descriptor, temporary = _create_temporary(path)
    try:
        with _closing(descriptor):
            for chunk in _chunks(data):
                with translating_errors(path):
                    _write_all(descriptor, chunk)
            # Before the name is set: after a power failure the name could otherwise refer to missing data.
            with translating_errors(path):
                os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            os.unlink(temporary)  # noqa: PTH108
        raise
    return temporary


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    """Close a descriptor after the block. If that fails, what was synced is on the disk all the same."""
    try:
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _create_temporary(path: str) -> tuple[int, str]:
    folder = os.path.dirname(path)  # noqa: PTH120
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    for last in (False,) * (_MAX_ATTEMPTS - 1) + (True,):
        temporary = os.path.join(folder, TEMPORARY + secrets.token_hex(8))  # noqa: PTH118
        try:
            with translating_errors(path):
                make_folder(folder)
                return os.open(temporary, flags, 0o666), temporary
        except StorageError as error:
            # Another process removed the folder in between (`remove` does that to empty ones). Create it again.
            if last or not isinstance(error.__cause__, FileNotFoundError):
                raise
    raise AssertionError


def make_folder(folder: str) -> None:
    """Create a folder and its parents, and make their names durable, also if another process has just created them."""
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
        with suppress(PermissionError):  # folders further up may belong to another user
            _sync(parent)
    _durable.add(folder)


def _chunks(data: bytes | BinaryIO) -> Iterator[memoryview]:
    if isinstance(data, (bytes, bytearray, memoryview)):
        yield memoryview(data).cast("B")
        return
    while chunk := data.read(_BYTES_PER_READ):
        yield memoryview(chunk)


def _write_all(descriptor: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(descriptor, chunk) :]


def _set_name(temporary: str, path: str, *, if_absent: bool) -> None:
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
        raise ObjectExistsError(f"{path!r} exists already.", "Nothing was written.") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise StorageError(
            f"The filesystem of {path!r} ({_describe_filesystem(path)}) has no hard links. Safe commits need them.",
            _HINT,
        ) from error


def _describe_filesystem(path: str) -> str:
    """Return type and mount point of the filesystem of `path`, from /proc."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            mounts = [line.split()[1:3] for line in file]
    except OSError:
        return "of unknown type"
    matching = [mount for mount in mounts if f"{path}/".startswith(mount[0].rstrip("/") + "/")]
    point, kind = max(matching, key=lambda mount: len(mount[0]), default=("/", "of unknown type"))
    return f"{kind} at {point}"


def _sync(folder: str) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open folders; NTFS keeps names in its journal
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with _closing(descriptor):
        os.fsync(descriptor)

"""Pieces of objects in files, shared by any number of processes without locks.

A file ``<hash of the object's name>/<start>-<stop>`` holds a magic, the blake2b digest of its piece, and the piece. It
is written under another name and renamed, so no process reads half of one. A damaged file is only a cache miss. Only
files with such a name and magic are ever deleted: the user may have named a folder with other files.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reelbase._util.forks import reset_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.io.cache.memory import Name
    from reelbase.io.cache.spans import Piece

logger = logging.getLogger("reelbase.cache")

_MAGIC: Final = b"reelbase piece 1\n"
DIGEST_BYTES: Final = 16
_FOLDER: Final = re.compile(r"[0-9a-f]{40}")
_FILE: Final = re.compile(r"(\d+)-(\d+)")
_TEMPORARY: Final = re.compile(r"\.[0-9a-f]{32}")
FULL_SHARE_AFTER_CLEANUP: Final = 0.9  # a full folder is emptied to this share of the limit, not at every write


class Disk:
    """A folder of pieces.

    Args:
        folder: The folder. If it does not exist, it is made, readable by its owner only.
        limit: Size of the cache in bytes. The least recently read files are deleted first.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._written = limit  # so that the first write checks how full the folder is
        self._broken = False
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Make a new lock: the old one may be held by a thread that the child does not have."""
        self._lock = threading.Lock()

    def find(self, name: Name, start: int, stop: int) -> list[Piece]:
        """Return disjoint pieces that have bytes of ``start:stop``, in order."""
        found: list[Piece] = []
        end = start
        for first, last, path in sorted(self._pieces(self._folder_of(name))):
            if last <= end or first >= stop:
                continue
            data = self._read(path, last - first)
            if data is not None:
                found.append((max(first, end), data[max(end - first, 0) :]))
                end = last
        return found

    def keep(self, name: Name, start: int, data: bytes) -> None:
        """Write a piece. If that fails, this process writes nothing to the folder any more."""
        if self._broken or not data:
            return
        folder = self._folder_of(name)
        temporary = folder / f".{uuid.uuid4().hex}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            temporary.write_bytes(_MAGIC + _digest(data) + data)
            temporary.replace(folder / f"{start}-{start + len(data)}")
        except OSError as error:
            self._broken = True
            logger.warning("nothing is kept in %s any more: %s", self._folder, error.strerror)
            with suppress(OSError):
                temporary.unlink()
            return
        self._count(len(data))

    def _folder_of(self, name: Name) -> Path:
        return self._folder / hashlib.blake2b("\0".join(name).encode(), digest_size=20).hexdigest()

    def _pieces(self, folder: Path) -> Iterator[tuple[int, int, Path]]:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                span = _FILE.fullmatch(entry.name)
                if span:
                    yield int(span[1]), int(span[2]), Path(entry.path)

    def _read(self, path: Path, size: int) -> bytes | None:
        """Return the piece in a file, or None; a damaged file is deleted if it is ours."""
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:  # another process has removed it
            return None
        head = len(_MAGIC) + DIGEST_BYTES
        piece = data[head:]
        if data.startswith(_MAGIC) and len(piece) == size and data[len(_MAGIC) : head] == _digest(piece):
            return piece
        if data.startswith(_MAGIC):
            with suppress(OSError):
                path.unlink()
        return None

    def _count(self, size: int) -> None:
        """After each twentieth of the limit, check how full the folder is: other processes write to it too."""
        with self._lock:
            self._written += size
            if self._written < self._limit // 20:
                return
            self._written = 0
        with suppress(OSError):
            self._make_room()

    def _make_room(self) -> None:
        files = sorted(self._files())
        excess = sum(size for _, size, _ in files) - self._limit
        if excess <= 0:
            return
        excess += int(self._limit * (1 - FULL_SHARE_AFTER_CLEANUP))
        for _, size, path in files:
            if excess <= 0:
                return
            with suppress(OSError):
                if _is_ours(path):
                    path.unlink()
                    excess -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Yield the time of the last read, the size and the path of each file."""
        with os.scandir(self._folder) as folders:
            for folder in folders:
                if not _FOLDER.fullmatch(folder.name) or not folder.is_dir(follow_symlinks=False):
                    continue
                with os.scandir(folder.path) as entries:
                    for entry in entries:
                        if _FILE.fullmatch(entry.name) or _TEMPORARY.fullmatch(entry.name):
                            stat = entry.stat(follow_symlinks=False)
                            yield stat.st_mtime, stat.st_size, Path(entry.path)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()

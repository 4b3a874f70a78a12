"""Searching local folders. Nothing is opened: names and the facts that the file system keeps decide."""

from __future__ import annotations

import os
import stat as modes
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reelbase.format import keys
from reelbase.ingestion.found import DATASET, MTIME, FoundFile, PassedOver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.ingestion.found import Wanted

_KINDS: Final = {
    modes.S_IFIFO: "pipe", modes.S_IFSOCK: "socket", modes.S_IFCHR: "device", modes.S_IFBLK: "device",
}  # fmt: skip


def make_local_file(path: Path, *, place: str | None = None, named: bool = False) -> FoundFile | PassedOver:
    """Return a file as it is now, or why it is none.

    Args:
        path: The file.
        place: Its absolute path without symbolic links, if that is known.
        named: True if the user named the file itself.
    """
    try:
        found = path.stat()
    except OSError as error:
        is_denied = isinstance(error, PermissionError)  # then nothing can be said of a link either
        what = "link to nothing" if not is_denied and path.is_symlink() else "not readable"
        return PassedOver(str(path), what, error.strerror or "")
    if not modes.S_ISREG(found.st_mode):
        return PassedOver(str(path), _KINDS.get(modes.S_IFMT(found.st_mode), "not a regular file"))
    return FoundFile(
        shown=str(path),
        address=os.fspath(path),
        place=spell(os.path.realpath(path) if place is None else place),
        size=found.st_size,
        version=(MTIME, found.st_mtime_ns),
        named=named,
    )


def spell(path: str) -> str:
    """Return an absolute path as text that can be stored: a name that is not UTF-8 is spelled as a file URL."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return Path(path).as_uri()
    return path


def search_folder(folder: Path, wanted: Wanted) -> Iterator[FoundFile | PassedOver]:
    """Yield what is in a folder and its subfolders, by name; links to folders are not followed.

    Args:
        folder: The folder.
        wanted: Which files the tensor can hold.
    """
    yield from _search(folder, os.path.realpath(folder), wanted)


def is_dataset(folder: Path) -> bool:
    """Return True if the folder is a reelbase dataset, whose files are samples already."""
    return os.path.isfile(folder / keys.ROOT)  # noqa: PTH113 - without errors: a folder may be locked


def _search(folder: Path, real: str, wanted: Wanted) -> Iterator[FoundFile | PassedOver]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield PassedOver(str(folder), "folder that cannot be read", error.strerror or "")
        return
    for entry in listed:
        path, place = folder / entry.name, os.path.join(real, entry.name)  # noqa: PTH118 - names need not be UTF-8
        if os.path.isdir(path):  # noqa: PTH112 - without errors: of links in a circle, or where nothing may be looked at
            yield from search_subfolder(path, place, wanted)
        elif reason := wanted.find_reason_against(entry.name):
            yield PassedOver(str(path), reason)
        else:
            yield check_not_empty(make_local_file(path, place=None if entry.is_symlink() else place))


def check_not_empty(found: FoundFile | PassedOver) -> FoundFile | PassedOver:
    """Return the file, or why it is passed over if it has no bytes."""
    return PassedOver(found.shown, "empty") if isinstance(found, FoundFile) and not found.size else found


def search_subfolder(path: Path, place: str, wanted: Wanted) -> Iterator[FoundFile | PassedOver]:
    """Yield what is in a folder that the user did not name, unless it is one to pass over.

    Args:
        path: The folder.
        place: Its absolute path without symbolic links.
        wanted: Which files the tensor can hold.
    """
    if path.name.startswith("."):
        yield PassedOver(str(path), "hidden")
    elif path.is_symlink():
        yield PassedOver(str(path), "link to a folder", "Name the folder to search it.")
    elif is_dataset(path):
        yield PassedOver(str(path), DATASET)
    else:
        if not wanted.find_reason_against(path.name):
            yield PassedOver(str(path), "folder named like a file", "It was searched.")
        yield from _search(path, place, wanted)

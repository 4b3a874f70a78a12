"""Finding the files to add: from names of files, folders and URLs, and from patterns."""

from __future__ import annotations

import glob
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelbase._util.urls import redacted
from reelbase.errors import ObjectNotFoundError, StorageError, UsageError
from reelbase.ingestion.folders import check_not_empty, is_dataset, make_local_file, search_folder, search_subfolder
from reelbase.ingestion.found import DATASET, USE_OF_A_DATASET, Found, FoundFile, PassedOver
from reelbase.ingestion.urls import find_by_url, is_local, is_url, to_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reelbase.credentials.resolver import Creds
    from reelbase.ingestion.found import Wanted


def find_files(
    names: Iterable[str], wanted: Wanted, *, creds: Creds = None, options: Mapping[str, Any] | None = None
) -> Found:
    """Find files. A file of which the user gave the name is always found; others are, if their names and sizes fit.

    Args:
        names: Paths of files and folders, URLs of files and (with a slash at the end) of folders, and patterns.
        wanted: Which files the tensor can hold.
        creds: Credentials for the services of URLs, as in `reelbase.empty`.
        options: Options of their storages, as in `reelbase.empty`.

    Raises:
        ObjectNotFoundError: there is no such file, or a pattern matches nothing.
        UsageError: a name is that of a dataset.
        StorageError: a named file cannot be read, or a storage cannot be listed.
    """
    found = Found()
    for name in names:
        if is_url(name) and not is_local(name):
            found.take(find_by_url(name, wanted, creds, options))
        else:
            found.take(_find_local(to_path(name) if is_url(name) else name, wanted))
    return found


def _find_local(name: str, wanted: Wanted) -> Iterator[FoundFile | PassedOver]:
    path = Path(name).expanduser()
    if os.path.isdir(path):  # noqa: PTH112 - without errors: the folder around it may be locked
        yield from _search_named_folder(path, wanted)
    elif _is_there(path):
        yield _check_usable(make_local_file(path, named=True))
    elif glob.has_magic(name):
        yield from _expand(os.fspath(path), wanted)
    else:
        raise ObjectNotFoundError(f"There is no file or folder {name!r}.", "Check the path. Nothing was added.")


def _search_named_folder(path: Path, wanted: Wanted) -> Iterator[FoundFile | PassedOver]:
    if is_dataset(path):
        raise UsageError(f"{str(path)!r} is a dataset, not a folder of files.", USE_OF_A_DATASET)
    try:
        os.scandir(path).close()
    except OSError as error:
        raise StorageError(f"{str(path)!r} cannot be searched: {error.strerror}.", "Check its permissions.") from None
    yield from search_folder(path, wanted)


def _is_there(path: Path) -> bool:
    """Return False if there is nothing of this name, True also if that cannot be known."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _expand(pattern: str, wanted: Wanted) -> Iterator[FoundFile | PassedOver]:
    """Yield what matches a local pattern, as if each name had been found in a folder."""
    matching = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    if not matching:
        raise ObjectNotFoundError(f"Nothing matches {redacted(pattern)!r}.", "Check the pattern. Nothing was added.")
    any_suffix, is_one = not glob.has_magic(Path(pattern).suffix or "*"), cache(is_dataset)
    passed: set[Path] = set()
    for name in matching:
        path = Path(name)
        if dataset := next(filter(is_one, path.parents), None):
            passed.add(dataset)
        elif os.path.isdir(path):  # noqa: PTH112 - without errors: of links in a circle
            if "**" not in pattern:  # else what is in the folder matches, too
                yield from search_subfolder(path, os.path.realpath(path), wanted)
        elif reason := wanted.find_reason_against(path.name, any_suffix=any_suffix):
            yield PassedOver(str(path), reason)
        else:
            yield check_not_empty(make_local_file(path))
    yield from (PassedOver(str(folder), DATASET) for folder in sorted(passed))


def _check_usable(found: FoundFile | PassedOver) -> FoundFile | PassedOver:
    """Raise StorageError if what the user named cannot be added."""
    if isinstance(found, PassedOver):
        raise StorageError(
            f"{found.path!r} cannot be added: {found.detail or found.reason}.", "Name a file or a folder of files."
        )
    return found

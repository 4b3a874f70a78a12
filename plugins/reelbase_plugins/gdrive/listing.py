"""Lists of all files below a folder, in order of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import ObjectNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.plugin import Stat
    from reelbase_plugins.gdrive.names import File, Names


def walk(known: Names, prefix: str) -> Iterator[tuple[str, Stat]]:
    """Yield the keys that start with `prefix`, with the stat of their files.

    The folders that `prefix` names are looked up, which is often already known, and only those below are listed.

    Raises:
        StorageError: two folders have the same name, or a folder cannot be listed.
    """
    *parents, _ = prefix.split("/")
    folder = known.find_folder_below_root(parents)
    if folder is not None:
        yield from _walk_folder(known, folder, prefix, "".join(f"{name}/" for name in parents))


def _walk_folder(known: Names, folder: str, prefix: str, base: str) -> Iterator[tuple[str, Stat]]:
    """Yield the files of one folder. `base` is the key of the folder with a slash at its end."""
    last = None
    for name, file in _list_entries(known, folder, base):
        key = base + name
        if key == last and file.is_folder:
            raise StorageError(
                f"Two folders in gdrive://{folder} are called {file.name!r}.", "Rename or remove one of them in Drive."
            )
        if file.is_folder and (key.startswith(prefix) or prefix.startswith(key)):
            yield from _walk_folder(known, file.id, prefix, key)
        elif not file.is_folder and key.startswith(prefix) and key != last:
            yield key, file.stat
        last = key


def _list_entries(known: Names, folder: str, base: str) -> list[tuple[str, File]]:
    """Return the entries of a folder, sorted by key. Folders sort with their slash: ``a-b`` is before ``a/b``."""
    try:
        found = known.list_children(folder, known.make_label(base.split("/")[:-1]))
    except ObjectNotFoundError:  # it was removed in the meantime, or never existed
        return []
    files = [file for file in found if not (file.is_shortcut or file.is_native) and _is_key(file.name)]
    entries = ((f"{file.name}/" if file.is_folder else file.name, file) for file in files)
    return sorted(entries, key=lambda entry: entry[0])


def _is_key(name: str) -> bool:
    """Return True if a file with this name can have a key. Names in Drive may contain a slash, keys cannot."""
    return "/" not in name and name not in {"", ".", ".."}

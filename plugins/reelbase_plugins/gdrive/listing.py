"""All files below a folder, in order of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import ObjectNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.plugin import Stat
    from reelbase_plugins.gdrive.names import File, Names


def walk(known: Names, prefix: str) -> Iterator[tuple[str, Stat]]:
    """Keys that start with `prefix`, and what is known of their files.

    Raises:
        StorageError: two folders have one name, or a folder cannot be listed.
    """
    folder = known.base()
    if folder is not None:
        yield from _below(known, folder, prefix, "")


def _below(known: Names, folder: str, prefix: str, base: str) -> Iterator[tuple[str, Stat]]:
    """Those in one folder, whose own key is `base`, with a slash at its end."""
    last = None
    for name, file in _sort(known, folder, base):
        key = base + name
        if key == last and file.is_folder:
            raise StorageError(
                f"Two folders in gdrive://{folder} are called {file.name!r}.", "Rename or remove one of them in Drive."
            )
        if file.is_folder and (key.startswith(prefix) or prefix.startswith(key)):
            yield from _below(known, file.id, prefix, key)
        elif not file.is_folder and key.startswith(prefix) and key != last:
            yield key, file.stat
        last = key


def _sort(known: Names, folder: str, base: str) -> list[tuple[str, File]]:
    """A folder's entries. A folder sorts by its name with the slash: ``a-b`` comes before ``a/b``."""
    try:
        found = known.children(folder, known.about(base.split("/")[:-1]))
    except ObjectNotFoundError:  # removed meanwhile, or never there
        return []
    shown = [item for item in found if not (item.is_shortcut or item.is_native) and _is_key(item.name)]
    return sorted(((f"{one.name}/" if one.is_folder else one.name, one) for one in shown), key=lambda one: one[0])


def _is_key(name: str) -> bool:
    """Whether a file of that name has a key: Drive's names may hold a slash."""
    return "/" not in name and name not in {"", ".", ".."}

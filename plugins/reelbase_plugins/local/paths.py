"""From URLs and keys to paths that never leave the root folder."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from reelbase.errors import StorageError

_FILE_URL = re.compile(r"file://", re.IGNORECASE)


def parse_path(url: str) -> str:
    """Return the path of a ``file://`` URL, which is percent-decoded, or a plain path with ``~`` expanded.

    Raises:
        StorageError: the URL names another host, or contains a NUL character.
    """
    path = _parse_file_url(url) if _FILE_URL.match(url) else os.path.expanduser(url)  # noqa: PTH111 - Path would drop "./~"
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise StorageError(f"{url!r} contains a character that no file name can have.", "Check the path.") from None
    if "\0" in path:
        raise StorageError(f"{url!r} contains a NUL character.", "File names cannot contain it.")
    return path


def _parse_file_url(url: str) -> str:
    host, slash, rest = url[len("file://") :].partition("/")
    if host not in {"", "localhost"} or not slash:
        raise StorageError(f"{url!r} names the host {host!r}.", "Write three slashes: file:///folder/file")
    return "/" + unquote(rest, errors="surrogateescape")


def join_key(root: str, key: str) -> str:
    """Return the path of a key.

    Args:
        root: Root folder, without symbolic links.
        key: Key of a file.

    Raises:
        StorageError: the key is empty or absolute, contains ``..`` or a NUL character, or a symbolic link on its path
            leads out of the root.
    """
    parts = key.split("/")
    if not all(part and part not in {".", ".."} and "\0" not in part for part in parts):
        raise StorageError(
            f"{key!r} is not a key below {root!r}.", "Keys are relative, without '.', '..' or empty parts."
        )
    path = os.path.join(root, *parts)  # noqa: PTH118 - str, because names need not be UTF-8
    real = os.path.realpath(path)  # resolves symbolic links, also of folders on the way
    if os.path.commonpath([real, root]) != root:
        raise StorageError(f"{key!r} leads out of {root!r}, to {real!r}.", "Replace the link with a copy of the file.")
    return path

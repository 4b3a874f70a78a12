"""From URLs and keys to real paths, and never out of the root."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from reelbase.errors import StorageError

_FILE_URL = re.compile(r"file://", re.IGNORECASE)


def local_path(url: str) -> str:
    """The path of a ``file://`` URL (percent-decoded) or of a plain path (taken as it is, ``~`` expanded).

    Raises:
        StorageError: the URL names another host, or holds a NUL.
    """
    path = _path_of(url) if _FILE_URL.match(url) else os.path.expanduser(url)  # noqa: PTH111 - Path would drop "./~"
    if "\0" in path:
        raise StorageError(f"{url!r} holds a NUL character.", "No file can be called so.")
    return path


def _path_of(url: str) -> str:
    host, slash, rest = url[len("file://") :].partition("/")
    if host not in {"", "localhost"} or not slash:
        raise StorageError(f"{url!r} names the host {host!r}.", "Write three slashes: file:///folder/file")
    return "/" + unquote(rest, errors="surrogateescape")


def inside(root: str, key: str) -> str:
    """The path of `key` below the real path `root`.

    Raises:
        StorageError: the key is empty or absolute, has ``..`` or a NUL in it, or a symbolic link leads it out.
    """
    parts = key.split("/")
    if not all(part and part not in {".", ".."} and "\0" not in part for part in parts):
        raise StorageError(
            f"{key!r} is not a key below {root!r}.", "Keys are relative, without '.', '..' or empty parts."
        )
    path = os.path.join(root, *parts)  # noqa: PTH118 - strings all the way: names need not be UTF-8
    real = os.path.realpath(path)
    if os.path.commonpath([real, root]) != root:
        raise StorageError(f"{key!r} leads out of {root!r}, to {real!r}.", "Copy the file in, in place of the link.")
    return path

"""URLs of Drive: ``gdrive://<id>[/path][?resourcekey=…]``, and links as "Share" gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from reelbase.errors import StorageError

_HOSTS: Final = frozenset({"drive.google.com", "drive.usercontent.google.com", "docs.google.com"})
_ID: Final = r"[A-Za-z0-9_-]+"
_KEY: Final = "resourcekey"
_IN_PATH: Final = re.compile(
    rf"/(?:a/[^/]+/)?(?:drive/(?:u/\d+/)?folders|(?:u/\d+/)?file/(?:u/\d+/)?d)/({_ID})(?:/.*)?"
)
_IN_QUERY: Final = re.compile(r"/(?:u/\d+/)?(?:open|uc|download|folderview)")
_OURS: Final = re.compile(rf"gdrive://({_ID})((?:/.*?)?)(?:\?{_KEY}=({_ID}))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file or folder by its id, names below it, and the key that an old link needs.

    Attributes:
        id: Of the file or folder; ``root`` is the folder "My Drive".
        path: Names below it.
        resource_key: None: it needs none.
    """

    id: str
    path: tuple[str, ...] = ()
    resource_key: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """As a URL, without the key."""
        return "/".join([f"gdrive://{self.id}", *self.path])

    @property
    def full(self) -> str:
        """As a URL, with the key."""
        return self.url if self.resource_key is None else f"{self.url}?{_KEY}={self.resource_key}"


def parsed(url: str) -> Place:
    """The place that a ``gdrive://`` URL names. Its path is taken as it is: there are no escapes in it.

    Raises:
        StorageError: it names no id, or has an empty name, ``.`` or ``..`` in its path.
    """
    found = _OURS.fullmatch(url)
    if found is None:
        raise StorageError(
            f"{url.partition('?')[0]!r} names no file or folder of Drive.",
            "Write gdrive://<id>, or paste its share link.",
        )
    path = names(found[2].removeprefix("/").removesuffix("/"), url) if found[2].strip("/") else ()
    return Place(id=found[1], path=path, resource_key=found[3])


def names(key: str, where: str) -> tuple[str, ...]:
    """The names of the folders in a key, and of the file.

    Raises:
        StorageError: one is empty, ``.`` or ``..``.
    """
    parts = tuple(key.split("/"))
    if not all(part not in {"", ".", ".."} for part in parts):
        where = where.partition("?")[0]
        raise StorageError(
            f"{key!r} is not a key below {where!r}.", "Keys are relative, without '.', '..' or empty parts."
        )
    return parts


def from_share_link(url: str) -> str | None:
    """``gdrive://<id>[?resourcekey=…]`` for a link to a file or folder of Drive; None: it is none."""
    try:
        link = urlsplit(url)
        host = link.hostname
    except ValueError:
        return None
    if link.scheme.lower() not in {"http", "https"} or host not in _HOSTS:
        return None
    query = parse_qs(link.query)
    uid = _id_of(link.path, query)
    if uid is None:
        return None
    key = query.get(_KEY, [""])[0]
    return Place(id=uid, resource_key=key if re.fullmatch(_ID, key) else None).full


def _id_of(path: str, query: dict[str, list[str]]) -> str | None:
    found = _IN_PATH.fullmatch(path)
    if found is not None:
        return found[1]
    uid = query.get("id", [""])[0]
    return uid if _IN_QUERY.fullmatch(path) and re.fullmatch(_ID, uid) else None

"""URLs of Drive: ``gdrive://<id>[/path][?resourcekey=…]``, and links from the "Share" dialog."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from reelbase.errors import StorageError

_HOSTS: Final = frozenset({"drive.google.com", "drive.usercontent.google.com", "docs.google.com"})
_ID: Final = r"[A-Za-z0-9_-]+"
_KEY: Final = "resourcekey"
_LINK_WITH_ID_IN_PATH: Final = re.compile(
    rf"/(?:a/[^/]+/)?(?:drive/(?:u/\d+/)?folders|(?:u/\d+/)?file/(?:u/\d+/)?d)/({_ID})(?:/.*)?"
)
_LINK_WITH_ID_IN_QUERY: Final = re.compile(r"/(?:u/\d+/)?(?:open|uc|download|folderview)")
_GDRIVE_URL: Final = re.compile(rf"gdrive://({_ID})((?:/.*?)?)(?:\?{_KEY}=({_ID}))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file or folder: an id and a path below it.

    Attributes:
        id: Id of a file or folder; ``root`` is the folder "My Drive".
        path: Names below that folder.
        resource_key: Key that some old links need in addition to the id; None if there is none.
    """

    id: str
    path: tuple[str, ...] = ()
    resource_key: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL without the resource key, which must not be in messages."""
        return "/".join([f"gdrive://{self.id}", *self.path])

    @property
    def full(self) -> str:
        """The URL with the resource key."""
        return self.url if self.resource_key is None else f"{self.url}?{_KEY}={self.resource_key}"


def parse_url(url: str) -> Place:
    """Parse a ``gdrive://`` URL. The path is used as it is, without decoding of ``%``.

    Raises:
        StorageError: it has no id, or its path has an empty part, ``.`` or ``..``.
    """
    found = _GDRIVE_URL.fullmatch(url)
    if found is None:
        raise StorageError(
            f"{url.partition('?')[0]!r} does not name a file or folder of Drive.",
            "Write gdrive://<id>, or paste its share link.",
        )
    path = split_key(found[2].removeprefix("/").removesuffix("/"), url) if found[2].strip("/") else ()
    return Place(id=found[1], path=path, resource_key=found[3])


def split_key(key: str, where: str) -> tuple[str, ...]:
    """Split a key into the names of the folders and of the file.

    Args:
        key: Key of a file.
        where: URL of the root, for messages.

    Raises:
        StorageError: a part is empty, ``.`` or ``..``.
    """
    parts = tuple(key.split("/"))
    if not all(part not in {"", ".", ".."} for part in parts):
        where = where.partition("?")[0]
        raise StorageError(
            f"{key!r} is not a key below {where!r}.", "Keys are relative, without '.', '..' or empty parts."
        )
    return parts


def convert_share_link(url: str) -> str | None:
    """Turn a share link into ``gdrive://<id>[?resourcekey=…]``; None if `url` is not a link to a file or folder."""
    try:
        link = urlsplit(url)
        host = link.hostname
    except ValueError:
        return None
    if link.scheme.lower() not in {"http", "https"} or host not in _HOSTS:
        return None
    query = parse_qs(link.query)
    uid = _find_id(link.path, query)
    if uid is None:
        return None
    key = query.get(_KEY, [""])[0]
    return Place(id=uid, resource_key=key if re.fullmatch(_ID, key) else None).full


def _find_id(path: str, query: dict[str, list[str]]) -> str | None:
    found = _LINK_WITH_ID_IN_PATH.fullmatch(path)
    if found is not None:
        return found[1]
    uid = query.get("id", [""])[0]
    return uid if _LINK_WITH_ID_IN_QUERY.fullmatch(path) and re.fullmatch(_ID, uid) else None

"""From keys to files: Drive knows files by id, and lets several have one name.

Each name below a folder is one query. What was found is remembered for a minute: what is not there never is.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import ObjectNotFoundError, StorageError
from reelbase.plugin import Stat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reelbase_plugins.gdrive.client import Client
    from reelbase_plugins.gdrive.urls import Place

FOLDER: Final = "application/vnd.google-apps.folder"
SHORTCUT: Final = "application/vnd.google-apps.shortcut"
_NATIVE: Final = "application/vnd.google-apps."
_SECONDS: Final = 60.0
MAX_NAMES_KEPT: Final = 10_000
FIELDS: Final = "id,name,mimeType,size,md5Checksum,headRevisionId,version,modifiedTime,resourceKey,shortcutDetails"


@dataclass(frozen=True, kw_only=True)
class File:
    """What Drive says of one file, folder or shortcut."""

    id: str
    name: str
    mime: str
    size: int
    etag: str | None
    version: str
    modified: datetime | None
    resource_key: str | None
    target: str | None
    target_mime: str | None
    target_key: str | None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> File:
        """From an answer with `FIELDS`."""
        link = found.get("shortcutDetails") or {}
        modified = found.get("modifiedTime")
        return cls(
            id=found["id"],
            name=found.get("name", ""),
            mime=found.get("mimeType", ""),
            size=int(found.get("size", 0)),
            etag=found.get("md5Checksum") or found.get("headRevisionId"),
            version=str(found.get("version", "")),
            modified=datetime.fromisoformat(modified) if modified else None,
            resource_key=found.get("resourceKey"),
            target=link.get("targetId"),
            target_mime=link.get("targetMimeType"),
            target_key=link.get("targetResourceKey"),
        )

    @property
    def is_folder(self) -> bool:
        """Whether other files can be in it, or in what it is a shortcut to."""
        return FOLDER in (self.mime, self.target_mime)

    @property
    def is_shortcut(self) -> bool:
        """Whether it stands for another."""
        return self.mime == SHORTCUT

    @property
    def is_native(self) -> bool:
        """Whether it is a Google document, or something else without bytes."""
        return self.mime.startswith(_NATIVE) and not self.is_folder and not self.is_shortcut

    @property
    def stat(self) -> Stat:
        """As a storage says it."""
        return Stat(size=self.size, etag=self.etag, modified=self.modified)


class Names:
    """Finds files by their names below one place.

    Args:
        client: To ask.
        place: The root.
        all_drives: Look into shared drives too.
    """

    def __init__(self, client: Client, place: Place, *, all_drives: bool) -> None:
        self._client = client
        self._place = place
        self._all_drives = all_drives
        self._known: dict[tuple[str, str], tuple[File, float]] = {}
        self._making = threading.Lock()
        client.learn(place.id, place.resource_key)

    def file(self, parts: Sequence[str], *, fresh: bool = False) -> File:
        """The file with these names; a shortcut is followed once.

        Args:
            parts: Names of folders, and of the file; none: the root itself.
            fresh: Ask, also if it is remembered.

        Raises:
            ObjectNotFoundError: there is none.
            StorageError: there are two, or it has no bytes.
        """
        about = self.about(parts)
        found = self.own(parts, fresh=fresh)
        if found is None or (found.is_folder and not parts):
            raise ObjectNotFoundError(f"No file {about!r} in Drive.", "Check the path, or share it with who asks.")
        if found.is_shortcut:
            found = self._follow(found, about)
        if found.is_native or found.is_shortcut:
            raise StorageError(
                f"{about!r} is not a file with bytes: Drive says {found.mime}.", "Export it in Drive to one."
            )
        return found

    def own(self, parts: Sequence[str], *, fresh: bool = False) -> File | None:
        """As `file`, with shortcuts as they are; None: there is none."""
        path = (*self._place.path, *parts)
        if not path:
            return self._by_id(self._place.id, self.about(parts))
        try:
            return self._own(path, fresh)
        except ObjectNotFoundError:  # a folder that was remembered is gone; another may have its name
            self._known.clear()
        try:
            return self._own(path, fresh)
        except ObjectNotFoundError:
            return None

    def _own(self, path: Sequence[str], fresh: bool) -> File | None:
        folder = self.folder(path[:-1])
        return None if folder is None else self._child(folder, path[-1], folders=False, fresh=fresh)

    def folder(self, path: Sequence[str], *, make: bool = False) -> str | None:
        """The id of the folder with these names, counted from the root's id; None: there is none.

        Args:
            path: Names.
            make: Make those that are missing.

        Raises:
            ObjectNotFoundError: one was remembered, and is gone.
            StorageError: a shortcut is in the way of making one.
        """
        uid: str = self._place.id
        for depth, name in enumerate(path):
            found = self._child(uid, name, folders=True)
            if found is None and make:
                found = self._made(uid, name)
            if found is None:
                return None
            if make and found.is_shortcut:
                where = "/".join([f"gdrive://{self._place.id}", *path[: depth + 1]])
                raise StorageError(
                    f"{where!r} is a shortcut: nothing is written through it.", "Name the folder itself."
                )
            uid = found.target or found.id
            self._client.learn(uid, found.target_key or found.resource_key)
        return uid

    def children(self, folder: str, about: str) -> list[File]:
        """All that is in a folder.

        Raises:
            ObjectNotFoundError: there is no such folder.
        """
        return list(self._query(f"{quoted(folder)} in parents and trashed = false", about))

    def base(self) -> str | None:
        """The id of the root's folder; None: there is none yet."""
        return self.folder(self._place.path)

    def forget(self, name: str) -> None:
        """Remember no file of that name."""
        for place in [place for place in list(self._known) if place[1] == name]:
            self._known.pop(place, None)

    def remember(self, folder: str, file: File) -> None:
        """A file that was just written."""
        self._keep((folder, file.name), file)

    def about(self, parts: Sequence[str]) -> str:
        """A file's URL, for messages."""
        return "/".join([self._place.url, *parts])

    def _by_id(self, uid: str, about: str) -> File:
        return self._client.ask(
            lambda files: files.get(fileId=uid, fields=FIELDS, supportsAllDrives=self._all_drives), File.of, about
        )

    def _follow(self, shortcut: File, about: str) -> File:
        target = shortcut.target or ""
        self._client.learn(target, shortcut.target_key)
        return self._by_id(target, f"{about} (a shortcut)")

    def _child(self, folder: str, name: str, *, folders: bool, fresh: bool = False) -> File | None:
        place = (folder, name + "/" * folders)
        known = self._known.get(place)
        if known is not None and not fresh and time.monotonic() - known[1] < _SECONDS:
            return known[0]
        about = f"{name!r} in gdrive://{folder}"
        query = f"name = {quoted(name)} and {quoted(folder)} in parents and trashed = false"
        # A query for a name ignores case, and more: what it gives is looked at again.
        found = [one for one in self._query(query, about) if one.name == name and one.is_folder is folders]
        if len(found) > 1:
            what = "folders" if folders else "files"
            raise StorageError(
                f"{len(found)} {what} in gdrive://{folder} are called {name!r}.",
                "Rename or remove all but one in Drive.",
            )
        self._known.pop(place, None)
        if not found:
            return None
        self._keep(place, found[0])
        return found[0]

    def _query(self, query: str, about: str) -> Iterator[File]:
        token: str | None = None
        seen = set()
        while True:
            page, token = self._client.ask(self._list(query, token), _page, about)
            for found in page:
                if found.id not in seen:  # what changes meanwhile may come on two pages
                    seen.add(found.id)
                    yield found
            if not token:
                return

    def _list(self, query: str, token: str | None) -> Callable[[Any], Any]:
        return lambda files: files.list(
            q=query,
            pageSize=1000,
            pageToken=token,
            fields=f"nextPageToken,files({FIELDS})",
            supportsAllDrives=self._all_drives,
            includeItemsFromAllDrives=self._all_drives,
        )

    def _made(self, parent: str, name: str) -> File:
        """A new folder, or the one that another thread has just made: Drive would make two of one name."""
        with self._making:
            found = self._child(parent, name, folders=True, fresh=True)
            if found is None:
                found = self._new_folder(parent, name)
                self._keep((parent, name + "/"), found)
            return found

    def _new_folder(self, parent: str, name: str) -> File:
        from reelbase_plugins.gdrive.writing import created

        about = {"name": name, "mimeType": FOLDER, "parents": [parent]}
        return created(self._client, about, None, f"{name!r} in gdrive://{parent}", all_drives=self._all_drives)

    def _keep(self, place: tuple[str, str], file: File) -> None:
        if len(self._known) >= MAX_NAMES_KEPT:
            self._known.clear()
        self._known[place] = (file, time.monotonic())


def quoted(text: str) -> str:
    """A string in a query of ``files.list``."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _page(found: Mapping[str, Any]) -> tuple[list[File], str | None]:
    return [File.of(item) for item in found["files"]], found.get("nextPageToken")

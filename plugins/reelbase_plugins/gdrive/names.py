"""Look-up of files by their keys. Drive identifies files by id, and several files may have the same name.

Each name on a path takes one query. Files that were found are remembered for a minute. Names that were not found are
not remembered, because another process may create them at any time.
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
_NATIVE_PREFIX: Final = "application/vnd.google-apps."
_MAX_AGE_SECONDS: Final = 60.0
MAX_NAMES_KEPT: Final = 10_000
FIELDS: Final = "id,name,mimeType,size,md5Checksum,headRevisionId,version,modifiedTime,resourceKey,shortcutDetails"


@dataclass(frozen=True, kw_only=True)
class File:
    """Drive's description of a file, folder or shortcut. `target` and its fields are set for shortcuts only."""

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
        """Parse the JSON of a reply that was requested with `FIELDS`."""
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
        """Whether it is a folder, or a shortcut to one."""
        return FOLDER in (self.mime, self.target_mime)

    @property
    def is_shortcut(self) -> bool:
        """Whether it is a shortcut to another file or folder."""
        return self.mime == SHORTCUT

    @property
    def is_native(self) -> bool:
        """Whether it is a Google document, or another kind of file that has no bytes."""
        return self.mime.startswith(_NATIVE_PREFIX) and not self.is_folder and not self.is_shortcut

    @property
    def stat(self) -> Stat:
        """Size, etag and time of modification."""
        return Stat(size=self.size, etag=self.etag, modified=self.modified)


class Names:
    """Finds files by their names below one place.

    Args:
        client: Client that sends the requests.
        place: Root folder of the storage.
        all_drives: Whether to include shared drives.
    """

    def __init__(self, client: Client, place: Place, *, all_drives: bool) -> None:
        self._client = client
        self._place = place
        self._all_drives = all_drives
        self._known: dict[tuple[str, str], tuple[File, float]] = {}
        self._folder_lock = threading.Lock()
        self._lookup_locks: dict[tuple[str, str], threading.Lock] = {}
        client.learn(place.id, place.resource_key)

    def find_file(self, parts: Sequence[str], *, fresh: bool = False) -> File:
        """Find a file. If it is a shortcut, its target is returned.

        Args:
            parts: Names of the folders on the path and of the file; empty for the root itself.
            fresh: Whether to ask Drive even if the file is remembered.

        Raises:
            ObjectNotFoundError: there is no such file.
            StorageError: there are several files with this name, or it has no bytes.
        """
        about = self.make_label(parts)
        found = self.find_entry(parts, fresh=fresh)
        if found is None or (found.is_folder and not parts):
            raise ObjectNotFoundError(
                f"There is no file {about!r} in Drive.",
                "Check the path, or share the file with the account that you use.",
            )
        if found.is_shortcut:
            found = self._follow(found, about)
        if found.is_native or found.is_shortcut:
            raise StorageError(f"{about!r} has no bytes: its type is {found.mime}.", "Export it to a file in Drive.")
        return found

    def find_entry(self, parts: Sequence[str], *, fresh: bool = False) -> File | None:
        """Find a file without following shortcuts; None if there is none. See `find_file` for the arguments."""
        path = (*self._place.path, *parts)
        if not path:
            return self._get_by_id(self._place.id, self.make_label(parts))
        try:
            return self._find_on_path(path, fresh)
        except ObjectNotFoundError:  # a remembered folder was deleted; another may have its name now
            self._known.clear()
        try:
            return self._find_on_path(path, fresh)
        except ObjectNotFoundError:
            return None

    def _find_on_path(self, path: Sequence[str], fresh: bool) -> File | None:
        folder = self.find_folder(path[:-1])
        return None if folder is None else self._find_child(folder, path[-1], folders=False, fresh=fresh)

    def find_folder(self, path: Sequence[str], *, make: bool = False) -> str | None:
        """Return the id of a folder; None if there is none.

        Args:
            path: Names of the folders on the path, starting below the id in the root's URL.
            make: Whether to create missing folders.

        Raises:
            ObjectNotFoundError: a remembered folder was deleted.
            StorageError: `make` is True, and a name on the path is a shortcut.
        """
        uid: str = self._place.id
        for depth, name in enumerate(path):
            with self._lookup_locks.setdefault((uid, name), threading.Lock()):  # reads at the same time ask once
                found = self._find_child(uid, name, folders=True)
            if found is None and make:
                found = self._get_or_create_folder(uid, name)
            if found is None:
                return None
            if make and found.is_shortcut:
                where = "/".join([f"gdrive://{self._place.id}", *path[: depth + 1]])
                raise StorageError(
                    f"{where!r} is a shortcut: reelbase does not write through shortcuts.", "Name the folder itself."
                )
            uid = found.target or found.id
            self._client.learn(uid, found.target_key or found.resource_key)
        return uid

    def list_children(self, folder: str, about: str) -> list[File]:
        """List the files and folders in a folder.

        Raises:
            ObjectNotFoundError: the folder does not exist.
        """
        return list(self._query(f"{quote(folder)} in parents and trashed = false", about))

    def find_root(self) -> str | None:
        """Return the id of the root folder; None if it does not exist yet."""
        return self.find_folder_below_root(())

    def find_folder_below_root(self, parts: Sequence[str]) -> str | None:
        """Return the id of a folder below the root folder; None if it does not exist.

        Args:
            parts: Names of the folders on the path, from the root folder on.
        """
        path = (*self._place.path, *parts)
        try:
            return self.find_folder(path)
        except ObjectNotFoundError:  # a remembered folder was deleted; another may have its name now
            self._known.clear()
        try:
            return self.find_folder(path)
        except ObjectNotFoundError:
            return None

    def forget(self, name: str) -> None:
        """Forget the files with this name in all folders."""
        for place in [place for place in list(self._known) if place[1] == name]:
            self._known.pop(place, None)

    def remember(self, folder: str, file: File) -> None:
        """Remember a file that was just written."""
        self._keep((folder, file.name), file)

    def make_label(self, parts: Sequence[str]) -> str:
        """Return the URL of a file, for messages."""
        return "/".join([self._place.url, *parts])

    def _get_by_id(self, uid: str, about: str) -> File:
        return self._client.ask(
            lambda files: files.get(fileId=uid, fields=FIELDS, supportsAllDrives=self._all_drives), File.of, about
        )

    def _follow(self, shortcut: File, about: str) -> File:
        target = shortcut.target or ""
        self._client.learn(target, shortcut.target_key)
        return self._get_by_id(target, f"{about} (a shortcut)")

    def _find_child(self, folder: str, name: str, *, folders: bool, fresh: bool = False) -> File | None:
        place = (folder, name + "/" * folders)
        known = self._known.get(place)
        if known is not None and not fresh and time.monotonic() - known[1] < _MAX_AGE_SECONDS:
            return known[0]
        about = f"{name!r} in gdrive://{folder}"
        query = f"name = {quote(name)} and {quote(folder)} in parents and trashed = false"
        # Drive ignores case and more when it compares names, so the results are compared again.
        found = [file for file in self._query(query, about) if file.name == name and file.is_folder is folders]
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
            page, token = self._client.ask(self._make_list_request(query, token), _parse_page, about)
            for file in page:
                if file.id not in seen:  # a file that changes in the meantime may be on two pages
                    seen.add(file.id)
                    yield file
            if not token:
                return

    def _make_list_request(self, query: str, token: str | None) -> Callable[[Any], Any]:
        return lambda files: files.list(
            q=query,
            pageSize=1000,
            pageToken=token,
            fields=f"nextPageToken,files({FIELDS})",
            supportsAllDrives=self._all_drives,
            includeItemsFromAllDrives=self._all_drives,
        )

    def _get_or_create_folder(self, parent: str, name: str) -> File:
        """Create a folder, or return the one that another thread has just created: Drive would create a second one."""
        with self._folder_lock:
            found = self._find_child(parent, name, folders=True, fresh=True)
            if found is None:
                found = self._create_folder(parent, name)
                self._keep((parent, name + "/"), found)
            return found

    def _create_folder(self, parent: str, name: str) -> File:
        from reelbase_plugins.gdrive.writing import create_file

        about = {"name": name, "mimeType": FOLDER, "parents": [parent]}
        return create_file(self._client, about, None, f"{name!r} in gdrive://{parent}", all_drives=self._all_drives)

    def _keep(self, place: tuple[str, str], file: File) -> None:
        if len(self._known) >= MAX_NAMES_KEPT:  # simplest bound: a name that is needed again costs one query
            self._known.clear()
        self._known[place] = (file, time.monotonic())


def quote(text: str) -> str:
    """Quote a string for a query of ``files.list``."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _parse_page(found: Mapping[str, Any]) -> tuple[list[File], str | None]:
    return [File.of(item) for item in found["files"]], found.get("nextPageToken")

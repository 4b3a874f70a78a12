"""The files of a `DriveServer`: they have ids, and names that need not be unique. Queries of ``files.list`` work."""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
import threading
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER: Final = "application/vnd.google-apps.folder"
SHORTCUT: Final = "application/vnd.google-apps.shortcut"
NATIVE: Final = "application/vnd.google-apps."

_STRING = r"'(?:\\.|[^'\\])*'"
_TERM = re.compile(
    rf"\s*(?:(?P<field>name|mimeType)\s*(?P<op>!?=)\s*(?P<text>{_STRING})"
    rf"|(?P<parent>{_STRING})\s+in\s+parents"
    r"|trashed\s*=\s*(?P<trashed>true|false))\s*(?P<rest>and\s|$)"
)


def new_id() -> str:
    """Return a new id that looks like those of Drive."""
    return "1" + secrets.token_urlsafe(24)


@dataclass(eq=False)
class DriveFile:
    """A file, folder, shortcut or Google document.

    Attributes:
        id: Id of the file.
        name: Name of the file; other files in the folder may have the same.
        mime: Media type; folders, shortcuts and documents have types of their own.
        parent: Id of the folder; None for the root.
        data: Content of the file.
        trashed: Whether it was moved to the trash.
        public: Whether everybody who has the link may read it.
        abusive: Whether Drive classifies it as malware.
        resource_key: Key that a request for the file must contain; None if there is none.
        target: Id of the file that a shortcut refers to; None for other files.
        version: Number that is increased by each change.
        number: Order of creation.
        revision: Id of the content, which changes when the content does.
        modified: Time of the last change of the content.
    """

    id: str
    name: str
    mime: str
    parent: str | None
    data: bytes = b""
    trashed: bool = False
    public: bool = False
    abusive: bool = False
    resource_key: str | None = None
    target: str | None = None
    version: int = 1
    number: int = field(default_factory=itertools.count(1).__next__)
    revision: str = field(default_factory=new_id)
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def has_bytes(self) -> bool:
        """Whether the file has content that can be downloaded."""
        return not self.mime.startswith(NATIVE)

    def write(self, data: bytes) -> None:
        """Replace the content. This makes a new revision."""
        self.data, self.revision, self.modified = data, new_id(), datetime.now(UTC)
        self.version += 1


class DriveFiles:
    """All files by id. Methods are thread-safe."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.root = DriveFile(new_id(), "My Drive", FOLDER, None)
        self._files = {self.root.id: self.root}

    def add(self, file: DriveFile) -> DriveFile:
        """Add a file, even if the folder has a file with the same name."""
        with self.lock:
            self._files[file.id] = file
            return file

    def get(self, uid: str) -> DriveFile | None:
        """Return the file with an id, or the root folder for "root"; None if there is none."""
        return self.root if uid == "root" else self._files.get(uid)

    def remove(self, file: DriveFile) -> None:
        """Remove a file permanently; a folder with everything in it."""
        with self.lock:
            for child in [child for child in self._files.values() if child.parent == file.id]:
                self.remove(child)
            self._files.pop(file.id, None)

    def walk_up(self, file: DriveFile) -> Iterator[DriveFile]:
        """Yield the file, its folder, the folder of that, and so on."""
        found: DriveFile | None = file
        while found is not None:
            yield found
            found = self._files.get(found.parent) if found.parent else None

    def is_trashed(self, file: DriveFile) -> bool:
        """Return True if the file, or a folder above it, is in the trash."""
        return any(entry.trashed for entry in self.walk_up(file))

    def find(self, query: str) -> list[DriveFile]:
        """Return the files that match a query, the newest first.

        Raises:
            ValueError: this server does not support the query.
            LookupError: it names a parent that does not exist.
        """
        with self.lock:
            tests = [self._make_test(term) for term in _split_query(query)]
            return [file for file in reversed(self._files.values()) if all(test(file) for test in tests)]

    def _make_test(self, term: re.Match[str]) -> Callable[[DriveFile], bool]:
        if term["trashed"]:
            wanted = term["trashed"] == "true"
            return lambda file: self.is_trashed(file) is wanted
        if term["parent"]:
            parent = self.get(_unquote(term["parent"]))
            if parent is None:
                raise LookupError(".")
            return lambda file: file.parent == parent.id
        equal, text = term["op"] == "=", _unquote(term["text"])
        if term["field"] == "mimeType":
            return lambda file: (file.mime == text) is equal
        return lambda file: (_normalize(file.name) == _normalize(text)) is equal

    def describe(self, file: DriveFile) -> dict[str, Any]:
        """Return the JSON description of a file."""
        found: dict[str, Any] = {
            "kind": "drive#file",
            "id": file.id,
            "name": file.name,
            "mimeType": file.mime,
            "trashed": self.is_trashed(file),
            "version": str(file.version),
            "modifiedTime": file.modified.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "parents": [file.parent] if file.parent else [],
        }
        if file.resource_key:
            found["resourceKey"] = file.resource_key
        if file.target:
            target = self.get(file.target)
            found["shortcutDetails"] = {"targetId": file.target, "targetMimeType": target.mime if target else ""}
            if target and target.resource_key:
                found["shortcutDetails"]["targetResourceKey"] = target.resource_key
        if file.has_bytes:
            digest = hashlib.md5(file.data, usedforsecurity=False).hexdigest()
            found |= {"size": str(len(file.data)), "md5Checksum": digest, "headRevisionId": file.revision}
        return found


def _split_query(query: str) -> Iterator[re.Match[str]]:
    position = 0
    while True:
        term = _TERM.match(query, position)
        if term is None:
            raise ValueError(query)
        yield term
        position = term.end()
        if not term["rest"]:
            return


def _unquote(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _normalize(name: str) -> str:
    """Normalize a name. Queries of Drive ignore case and how letters are composed in Unicode."""
    return unicodedata.normalize("NFC", name).casefold()


def select_fields(fields: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an answer that a ``fields`` parameter selects, such as ``nextPageToken,files(id,name)``."""
    kept = {}
    for part in re.findall(r"[^,()]+(?:\([^()]*\))?", fields):
        name, _, inner = part.partition("(")
        if name not in found:
            continue
        value = found[name]
        if inner:
            names = inner.rstrip(")")
            value = (
                [select_fields(names, item) for item in value]
                if isinstance(value, list)
                else select_fields(names, value)
            )
        kept[name] = value
    return kept

"""What a `DriveServer` holds: files with ids, names that need not be unique, and the queries of ``files.list``."""

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
    """An id such as Drive makes."""
    return "1" + secrets.token_urlsafe(24)


@dataclass(eq=False)
class DriveFile:
    """One file, folder, shortcut or document."""

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
        """Whether it can be downloaded."""
        return not self.mime.startswith(NATIVE)

    def write(self, data: bytes) -> None:
        """Replace its bytes: a new revision."""
        self.data, self.revision, self.modified = data, new_id(), datetime.now(UTC)
        self.version += 1


class DriveFiles:
    """All files, by id. Methods may be called from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.root = DriveFile(new_id(), "My Drive", FOLDER, None)
        self._files = {self.root.id: self.root}

    def add(self, file: DriveFile) -> DriveFile:
        """Put a file in; a name may be there already."""
        with self.lock:
            self._files[file.id] = file
            return file

    def get(self, uid: str) -> DriveFile | None:
        """A file by its id, or by ``root``."""
        return self.root if uid == "root" else self._files.get(uid)

    def remove(self, file: DriveFile) -> None:
        """Remove a file for good, with all that is in it."""
        with self.lock:
            for child in [one for one in self._files.values() if one.parent == file.id]:
                self.remove(child)
            self._files.pop(file.id, None)

    def above(self, file: DriveFile) -> Iterator[DriveFile]:
        """The file and the folders that it is in."""
        found: DriveFile | None = file
        while found is not None:
            yield found
            found = self._files.get(found.parent) if found.parent else None

    def is_trashed(self, file: DriveFile) -> bool:
        """Whether it, or a folder that it is in, is in the trash."""
        return any(one.trashed for one in self.above(file))

    def find(self, query: str) -> list[DriveFile]:
        """What a query names, the newest first.

        Raises:
            ValueError: it is none of those that this server understands.
            LookupError: it names a parent that is not there.
        """
        with self.lock:
            tests = [self._test(term) for term in _terms(query)]
            return [file for file in reversed(self._files.values()) if all(test(file) for test in tests)]

    def _test(self, term: re.Match[str]) -> Callable[[DriveFile], bool]:
        if term["trashed"]:
            wanted = term["trashed"] == "true"
            return lambda one: self.is_trashed(one) is wanted
        if term["parent"]:
            parent = self.get(_text(term["parent"]))
            if parent is None:
                raise LookupError(".")
            return lambda one: one.parent == parent.id
        equal, text = term["op"] == "=", _text(term["text"])
        if term["field"] == "mimeType":
            return lambda one: (one.mime == text) is equal
        return lambda one: (_loose(one.name) == _loose(text)) is equal

    def shown(self, file: DriveFile) -> dict[str, Any]:
        """A file as the service describes it."""
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


def _terms(query: str) -> Iterator[re.Match[str]]:
    at = 0
    while True:
        term = _TERM.match(query, at)
        if term is None:
            raise ValueError(query)
        yield term
        at = term.end()
        if not term["rest"]:
            return


def _text(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _loose(name: str) -> str:
    """Names that differ in case, or in how a letter is composed, are equal to a query."""
    return unicodedata.normalize("NFC", name).casefold()


def chosen(fields: str, found: dict[str, Any]) -> dict[str, Any]:
    """The part of an answer that the parameter ``fields`` names, such as ``nextPageToken,files(id,name)``."""
    kept = {}
    for part in re.findall(r"[^,()]+(?:\([^()]*\))?", fields):
        name, _, inner = part.partition("(")
        if name not in found:
            continue
        value = found[name]
        if inner:
            names = inner.rstrip(")")
            value = [chosen(names, item) for item in value] if isinstance(value, list) else chosen(names, value)
        kept[name] = value
    return kept

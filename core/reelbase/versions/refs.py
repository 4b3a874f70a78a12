"""Branches, tags and lists of expired versions: small objects that name places in the log. Each is written once.

There are no locks. A writer that gives a version a name writes the name first, and then checks whether the version has
expired. `expire` writes the list of expired versions first. `gc`, which deletes their data much later, then checks
whether any of them has a name. So at least one of the two sees the other.
"""

from __future__ import annotations

import json
import uuid
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import CorruptObjectError, ObjectNotFoundError, VersionExistsError, VersionExpiredError
from reelbase.format import keys
from reelbase.format.claim import claim
from reelbase.format.header import Place
from reelbase.format.log import MAIN
from reelbase.format.origins import Runs, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from reelbase.contracts.storage import Storage


_CRC: Final = "crc"  #: key of the CRC-32 of an object's JSON without it


@dataclass(frozen=True)
class Expiry:
    """A list of versions that have expired, which gc will delete.

    Attributes:
        key: Key of the object that holds the list.
        written: When it was written, by the clock of the storage, or None if the storage has no clock.
        runs: Numbers of commits by branch, as sorted, disjoint runs.
    """

    key: str
    written: datetime | None
    runs: Mapping[str, Runs]

    def contains(self, place: Place) -> bool:
        """Return True if the version is on the list."""
        return any(start <= place.seq < stop for start, stop in self.runs.get(place.branch, ()))


class Refs:
    """The branches, tags and lists of expired versions of one dataset.

    Args:
        storage: The storage of the dataset.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def branches(self) -> list[str]:
        """Return the names of all branches: main first, then the others in alphabetical order."""
        marked = {key.removeprefix(keys.BRANCHES).partition("/")[0] for key, _ in self._storage.list(keys.BRANCHES)}
        # A mark alone is not a branch: the writer may have failed before it claimed the first commit.
        return [MAIN, *(name for name in sorted(marked) if self.is_branch(name))]

    def is_branch(self, name: str) -> bool:
        """Return True if there is a branch with this name."""
        return name == MAIN or self._exists(keys.commit(name, 0))

    def forks(self) -> Iterator[Place]:
        """Yield the places where branches start that are being created.

        A branch that exists already has a commit of its own, which refers to all that the branch needs.
        """
        for key, _, stored in self._read_all(keys.BRANCHES):
            if not self.is_branch(key.removeprefix(keys.BRANCHES).partition("/")[0]):
                yield _parse_place(key, stored, "from")

    def tags(self) -> dict[str, Place]:
        """Return the places that tags name, by name of the tag."""
        return {
            key.removeprefix(keys.TAGS).removesuffix(".json"): _parse_place(key, stored, "place")
            for key, _, stored in self._read_all(keys.TAGS)
        }

    def find_tag(self, name: str) -> Place | None:
        """Return the place that a tag names, or None if there is no such tag."""
        try:
            data = self._storage.get(keys.tag(name))
        except ObjectNotFoundError:
            return None
        return _parse_place(keys.tag(name), _parse_json(keys.tag(name), data), "place")

    def tag(self, name: str, place: Place) -> None:
        """Give a version a name.

        Args:
            name: Name of the tag.
            place: Place of the version.

        Raises:
            VersionExistsError: there is a branch or tag with this name.
            VersionExpiredError: the version has expired.
        """
        keys.check_name(name)
        self._check_no_branch(name)
        if not claim(self._storage, keys.tag(name), _dumps({"place": place, "id": uuid.uuid4().hex})):
            raise VersionExistsError(
                f"There is a tag {name!r} already.", "Choose another name, or remove it with ds.history.untag(name)."
            )
        # Checked after writing: a writer that expires the version, or creates such a branch, may have missed the tag.
        try:
            self.check_kept(place)
            self._check_no_branch(name)
        except (VersionExpiredError, VersionExistsError):
            self.untag(name)
            raise

    def untag(self, name: str) -> None:
        """Remove a tag. If there is none, do nothing."""
        self._storage.delete(keys.tag(name))

    def mark_branch(self, name: str, source: Place) -> None:
        """Record that a branch is about to start at a version, so that gc keeps that version.

        Args:
            name: Name of the branch.
            source: Place of the version.

        Raises:
            VersionExistsError: there is a branch or tag with this name.
            VersionExpiredError: the version has expired.
        """
        keys.check_name(name)
        if self.is_branch(name):
            raise VersionExistsError(f"There is a branch {name!r} already.", "Choose another name, or check it out.")
        key = keys.branch(name, uuid.uuid4().hex)
        self._storage.put(key, _dumps({"from": source}))
        # Checked after writing, for the same reason as in `tag`.
        try:
            self.check_kept(source)
            self._check_no_tag(name)
        except (VersionExpiredError, VersionExistsError):
            self._storage.delete(key)
            raise

    def _check_no_branch(self, name: str) -> None:
        # A mark counts here, since the branch may come to exist at any moment.
        if name == MAIN or next(iter(self._storage.list(f"{keys.BRANCHES}{name}/")), None) is not None:
            raise VersionExistsError(
                f"There is a branch {name!r}, or it is being created.", "Choose another name for the tag."
            )

    def _check_no_tag(self, name: str) -> None:
        if self.find_tag(name) is not None:
            raise VersionExistsError(f"There is a tag {name!r}.", "Choose another name for the branch.")

    def expire(self, places: Iterable[Place]) -> None:
        """Write a list that says that versions have expired. Nothing is deleted yet."""
        runs: dict[str, list[tuple[int, int]]] = {}
        for place in places:
            runs.setdefault(place.branch, []).append((place.seq, place.seq + 1))
        if runs:
            stored = {branch: union(branch_runs) for branch, branch_runs in runs.items()}
            self._storage.put(keys.expiry(uuid.uuid4().hex), _dumps({"expired": stored}))

    def expiries(self) -> list[Expiry]:
        """Return all lists of expired versions."""
        return [Expiry(key, written, _parse_runs(key, stored)) for key, written, stored in self._read_all(keys.EXPIRED)]

    def check_kept(self, place: Place) -> None:
        """Check that a version has not expired, so that a name or a commit can refer to it.

        Raises:
            VersionExpiredError: it has expired.
        """
        if any(expiry.contains(place) for expiry in self.expiries()):
            raise VersionExpiredError(
                f"Version {place} has expired: it can still be read for some time, but not named or built on.",
                "Copy what you need from it, or choose a version from ds.log() that has not expired.",
            )

    def _read_all(self, prefix: str) -> Iterator[tuple[str, datetime | None, Any]]:
        """Yield key, time of writing and JSON of all objects with a prefix."""
        for key, stat in self._storage.list(prefix):
            try:
                yield key, stat.modified, _parse_json(key, self._storage.get(key))
            except ObjectNotFoundError:  # removed meanwhile
                continue

    def _exists(self, key: str) -> bool:
        try:
            self._storage.stat(key)
        except ObjectNotFoundError:
            return False
        return True


def _parse_json(key: str, data: bytes) -> Any:
    """Return what an object holds, after comparing it with its checksum, if it has one: format 2 wrote none.

    Raises:
        CorruptObjectError: it is damaged.
    """
    try:
        stored = json.loads(data)
    except ValueError:
        raise _corrupt_error(key) from None
    if isinstance(stored, dict) and _CRC in stored:
        crc = stored.pop(_CRC)
        if crc != zlib.crc32(_to_bytes(stored)):
            raise _corrupt_error(key)
    return stored


def _parse_place(key: str, stored: Any, name: str) -> Place:
    try:
        branch, seq = stored[name]
        return Place(str(branch), int(seq))
    except (TypeError, KeyError, ValueError):
        raise _corrupt_error(key) from None


def _parse_runs(key: str, stored: Any) -> dict[str, Runs]:
    try:
        return {str(name): tuple((int(a), int(b)) for a, b in runs) for name, runs in stored["expired"].items()}
    except (TypeError, KeyError, ValueError, AttributeError):
        raise _corrupt_error(key) from None


def _corrupt_error(key: str) -> CorruptObjectError:
    return CorruptObjectError(f"{key} is damaged.", "Restore the object from a copy of the dataset.")


def _dumps(value: Mapping[str, Any]) -> bytes:
    """Return the bytes of an object: JSON, with the checksum of what it would be without one."""
    return _to_bytes({**value, _CRC: zlib.crc32(_to_bytes(value))})


def _to_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

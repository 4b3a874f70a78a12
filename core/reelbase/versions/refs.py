"""Branches, tags and what has expired: small objects that name places in the log. Each is written once.

Nothing here is locked. Who makes a name for a version first writes it and then looks whether the version has expired
meanwhile; who lets versions go first writes which, and (much later, see `upkeep`) looks who has a name for them before
anything is deleted. So at least one of the two sees the other.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Expiry:
    """A list of versions that may go, and when it was written.

    Attributes:
        key: Of its object.
        written: By the storage's clock; None where it has none.
        runs: Numbers of commits, by branch, as sorted, disjoint runs.
    """

    key: str
    written: datetime | None
    runs: Mapping[str, Runs]

    def contains(self, place: Place) -> bool:
        """Whether the version is on it."""
        return any(start <= place.seq < stop for start, stop in self.runs.get(place.branch, ()))


class Refs:
    """The names of one dataset."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def branches(self) -> list[str]:
        """All branches: main, then by name."""
        marked = {key.removeprefix(keys.BRANCHES).partition("/")[0] for key, _ in self._storage.list(keys.BRANCHES)}
        return [MAIN, *(name for name in sorted(marked) if self.is_branch(name))]

    def is_branch(self, name: str) -> bool:
        """Whether there is a branch of that name."""
        return name == MAIN or self._exists(keys.commit(name, 0))

    def forks(self) -> Iterator[Place]:
        """Where branches start that somebody is just making; a finished one has all that it needs."""
        for key, _, stored in self._read_all(keys.BRANCHES):
            if not self.is_branch(key.removeprefix(keys.BRANCHES).partition("/")[0]):
                yield _parse_place(key, stored, "from")

    def tags(self) -> dict[str, Place]:
        """All tags, by name."""
        return {
            key.removeprefix(keys.TAGS).removesuffix(".json"): _parse_place(key, stored, "place")
            for key, _, stored in self._read_all(keys.TAGS)
        }

    def find_tag(self, name: str) -> Place | None:
        """What a tag names, or None if there is no such tag."""
        try:
            data = self._storage.get(keys.tag(name))
        except ObjectNotFoundError:
            return None
        return _parse_place(keys.tag(name), _parse_json(keys.tag(name), data), "place")

    def tag(self, name: str, place: Place) -> None:
        """Name a version.

        Raises:
            VersionExistsError: a branch or tag has that name.
            VersionExpiredError: the version has expired.
        """
        keys.check_name(name)
        self._check_no_branch(name)
        if not claim(self._storage, keys.tag(name), _dumps({"place": place, "id": uuid.uuid4().hex})):
            raise VersionExistsError(
                f"There is a tag {name!r} already.", "Choose another name, or remove it with ds.history.untag(name)."
            )
        try:
            self.check_kept(place)
            self._check_no_branch(name)
        except (VersionExpiredError, VersionExistsError):
            self.untag(name)
            raise

    def untag(self, name: str) -> None:
        """Remove a tag; one that is not there is no error."""
        self._storage.delete(keys.tag(name))

    def mark_branch(self, name: str, source: Place) -> None:
        """Say that a branch is about to start at a version.

        Raises:
            VersionExistsError: a branch or tag has that name.
            VersionExpiredError: the version has expired.
        """
        keys.check_name(name)
        if self.is_branch(name):
            raise VersionExistsError(f"There is a branch {name!r} already.", "Choose another name, or check it out.")
        key = keys.branch(name, uuid.uuid4().hex)
        self._storage.put(key, _dumps({"from": source}))
        try:
            self.check_kept(source)
            self._check_no_tag(name)
        except (VersionExpiredError, VersionExistsError):
            self._storage.delete(key)
            raise

    def _check_no_branch(self, name: str) -> None:
        if name == MAIN or next(iter(self._storage.list(f"{keys.BRANCHES}{name}/")), None) is not None:
            raise VersionExistsError(
                f"There is a branch {name!r}, or it is being made.", "Choose another name for the tag."
            )

    def _check_no_tag(self, name: str) -> None:
        if self.find_tag(name) is not None:
            raise VersionExistsError(f"There is a tag {name!r}.", "Choose another name for the branch.")

    def expire(self, places: Iterable[Place]) -> None:
        """Say that versions may go."""
        runs: dict[str, list[tuple[int, int]]] = {}
        for place in places:
            runs.setdefault(place.branch, []).append((place.seq, place.seq + 1))
        if runs:
            stored = {branch: union(one) for branch, one in runs.items()}
            self._storage.put(keys.expiry(uuid.uuid4().hex), _dumps({"expired": stored}))

    def expiries(self) -> list[Expiry]:
        """All lists of versions that may go."""
        return [Expiry(key, written, _parse_runs(key, stored)) for key, written, stored in self._read_all(keys.EXPIRED)]

    def check_kept(self, place: Place) -> None:
        """See that a version may be built on.

        Raises:
            VersionExpiredError: it may go.
        """
        if any(expiry.contains(place) for expiry in self.expiries()):
            raise VersionExpiredError(
                f"Version {place} has expired: it can be read for some time yet, not named or built on.",
                "Copy what you need of it, or choose a version of ds.log() that has not expired.",
            )

    def _read_all(self, prefix: str) -> Iterator[tuple[str, datetime | None, Any]]:
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
    try:
        return json.loads(data)
    except ValueError:
        raise _corrupt_error(key) from None


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


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

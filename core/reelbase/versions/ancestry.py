"""Finding commits across branches: the commit that a ref names, and the commits before it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, TypeVar

from reelbase.contracts.htype import brief
from reelbase.errors import CorruptObjectError, VersionNotFoundError
from reelbase.format import keys
from reelbase.format.header import Place
from reelbase.format.log import MAIN, Log
from reelbase.io.batch_read import map_windows
from reelbase.versions.refs import Refs
from reelbase.versions.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reelbase.format.commit import Commit
    from reelbase.format.header import Header

_PLACE = re.compile(r"(?P<branch>[^@]+)@(?P<seq>\d{1,9})")
_ID = re.compile(r"[0-9a-f]{8,32}")


T = TypeVar("T")


class Lineage:
    """The commits of all branches of one dataset.

    Args:
        log: The log of any branch of the dataset.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.refs = Refs(log.store.storage)

    def log(self, branch: str) -> Log:
        """Return the log of one branch."""
        return self._log if branch == self._log.branch else Log(self._log.store, self._log.uid, branch)

    def head(self, branch: str) -> Commit:
        """Return the newest commit of a branch.

        Raises:
            VersionNotFoundError: there is no such branch.
        """
        found = self.log(branch).head()
        if found.seq < 0 and branch != MAIN:
            raise VersionNotFoundError(f"There is no branch {branch!r}.", self._suggest(branch))
        return found

    def commit(self, place: Place) -> Commit:
        """Return one commit.

        Raises:
            VersionNotFoundError: there is no such commit.
            VersionExpiredError: the state of the commit was deleted.
        """
        found = self.log(place.branch).read(place.seq)
        if found is None:
            raise VersionNotFoundError(f"There is no version {place}.", self._suggest(place.branch))
        return found

    def header(self, place: Place) -> Header:
        """Return the header of one commit, expired or not.

        Raises:
            CorruptObjectError: there is no such commit, although another one refers to it.
        """
        found = self.log(place.branch).header(place.seq)
        if found is None:
            raise CorruptObjectError(f"Commit {place} is gone from the log.", "Restore it from a copy of the dataset.")
        return found

    def headers(self, places: Iterable[Place]) -> Iterator[Header]:
        """Yield the headers of many commits, in order, as `header` returns them."""
        return self.read_many(self.header, places)

    def read_many(self, read: Callable[[Place], T], places: Iterable[Place]) -> Iterator[T]:
        """Yield what `read` returns for each place, in order. From a distant storage, many are read at a time."""
        return map_windows(read, places) if self._log.store.distant else map(read, places)

    def branch_of(self, ref: str | Version) -> str | None:
        """Return the name of the branch that `ref` names, or None if it names something else."""
        name = _name_of(ref)
        return name if keys.is_name(name) and self.refs.is_branch(name) else None

    def find_start(self, ref: str | Version) -> tuple[Log, Commit | None]:
        """Return the log and the commit that a session of `ref` starts with.

        For a branch, the commit is None, which means its newest one.

        Raises:
            As `find`.
        """
        branch = self.branch_of(ref)
        if branch is not None:
            return self.log(branch), None
        found = self.find(ref)
        return self.log(found.branch), found

    def find(self, ref: str | Version) -> Commit:
        """Return the commit that a ref names.

        Args:
            ref: A branch (its newest commit), a tag, "branch@number", a commit id or the start of one, or a `Version`.

        Raises:
            VersionNotFoundError: it names no commit, or it is the start of several ids.
            VersionExpiredError: the state of the commit was deleted.
        """
        name = _name_of(ref)
        if (place := _PLACE.fullmatch(name)) and keys.is_name(place["branch"]):
            return self.commit(Place(place["branch"], int(place["seq"])))
        if not keys.is_name(name):
            raise VersionNotFoundError(f"There is no branch, tag or version {name!r}.", self._suggest(name))
        if self.refs.is_branch(name):
            return self.head(name)
        tagged = self.refs.find_tag(name) or (self._find_by_id(name) if _ID.fullmatch(name) else None)
        if tagged is None:
            raise VersionNotFoundError(f"There is no branch, tag or version {name!r}.", self._suggest(name))
        return self.commit(tagged)

    def iter_ancestors(self, header: Header) -> Iterator[Header]:
        """Yield `header`, then the commit before it, and so on, also across the start of its branch."""
        yield header
        while header.parent is not None:
            # Only the first commit of a branch was built on another branch: all numbers down to it are known.
            branch, last = header.parent
            for ancestor in self.headers(Place(branch, seq) for seq in range(last, -1, -1)):
                header = ancestor
                yield header

    def iter_named(self, header: Header) -> Iterator[Header]:
        """Yield the named versions up to `header`, newest first."""
        place = header.last_named
        while place is not None:
            found = self.header(place)
            yield found
            place = found.named

    def iter_between(self, old: Header, new: Header) -> Iterator[Header]:
        """Yield the headers of all commits that `new` builds on and `old` does not."""
        # Each branch is linear, so one number per branch says which of its commits are included (decision 14).
        for branch, last in new.reach.items():
            first = old.reach.get(branch, -1) + 1
            yield from self.headers(Place(branch, seq) for seq in range(first, last + 1))

    def _find_by_id(self, start: str) -> Place | None:
        newest = {branch: self.head(branch).seq for branch in self.refs.branches()}
        places = (Place(branch, seq) for branch, last in newest.items() for seq in range(last + 1))
        found = [header.place for header in self.headers(places) if header.id.startswith(start)]
        if len(found) > 1:
            raise VersionNotFoundError(f"{start!r} is the start of {len(found)} ids.", "Give more digits of the id.")
        return found[0] if found else None

    def _suggest(self, name: str) -> str:
        known = [*self.refs.branches(), *self.refs.tags()]
        near = difflib.get_close_matches(name, known, 1)
        return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."


def _name_of(ref: object) -> str:
    """Return what the user wrote; of a value that cannot name a version, a short text for messages."""
    return str(ref) if isinstance(ref, (str, Version)) else brief(ref)

"""All versions that can be read, and the objects that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import VersionExpiredError
from reelbase.format import keys, segment
from reelbase.format.header import Place

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.header import Header
    from reelbase.format.segment import Segment
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage

UID_BYTES = 16


def find_heads(lineage: Lineage) -> dict[str, int]:
    """Return the number of each branch's newest commit, by branch; -1 for a branch without commits.

    Raises:
        CorruptObjectError: a commit is missing in a log. What it needs cannot be known, so nothing may be deleted.
        StorageError: the storage cannot list its objects.
    """
    newest = {branch: lineage.head(branch).seq for branch in lineage.refs.branches()}
    for branch, seq in newest.items():
        lineage.log(branch).check_complete(seq)
    return newest


def read_versions(
    lineage: Lineage, newest: Mapping[str, int], after: Mapping[str, int] | None = None, without: Container[Place] = ()
) -> Iterator[Commit]:
    """Yield all commits that can be read, those of each branch newest first.

    Args:
        lineage: The commits of the dataset.
        newest: By branch, the number of the newest commit to read.
        after: By branch, the number of the commit to stop before; None: read all.
        without: Commits to leave out.
    """

    def read(place: Place) -> Commit | None:
        try:
            return None if place in without else lineage.commit(place)
        except VersionExpiredError:
            return None

    for branch, last in newest.items():
        child: Header | None = None
        places = (Place(branch, seq) for seq in range(last, (after or {}).get(branch, -1), -1))
        for commit in lineage.read_many(read, places):
            if commit is not None and child is not None:
                child.check_parent(commit.header)
            child = None if commit is None else commit.header
            if commit is not None:
                yield commit


class Marks:
    """The ids of all objects that a set of versions needs. ``key in marks`` tests one object.

    Args:
        store: The dataset's store, to read index segments from.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uids: set[bytes] = set()
        self._seen: set[Segment] = set()

    def __contains__(self, key: str) -> bool:
        """Return True if the object is needed, or has no id in its key: such an object is not ours to delete."""
        uid = keys.uid_of(key)
        return uid is None or uid in self._uids

    def add(self, commit: Commit) -> None:
        """Add the ids of all objects that a version refers to."""
        self._uids.update(bytes.fromhex(uid) for uid in commit.spilled)
        for rows in commit.state.rows.values():
            self._uids.update(deleted.uid for deleted in rows.dead.segments)
            for column in rows.columns.values():
                self._add_entries(column.tail)
                self._add_entries(column.patch)
                for part in (*column.segments, *column.over):
                    self._add_segment(part)

    def _add_segment(self, added: Segment) -> None:
        if added not in self._seen:  # versions share most segments: each is read once
            self._seen.add(added)
            self._uids.add(added.uid)
            self._add_entries(segment.read_entries(self._store, added))

    def _add_entries(self, entries: Entries) -> None:
        raw = entries["uuid"].tobytes()
        self._uids.update(raw[at : at + UID_BYTES] for at in range(0, len(raw), UID_BYTES))

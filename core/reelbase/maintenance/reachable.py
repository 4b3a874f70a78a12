"""All versions that can be read, and the objects that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import VersionExpiredError
from reelbase.format import keys, segment
from reelbase.format.header import Place

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.segment import Segment
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage

_UID = 16


def heads(lineage: Lineage) -> dict[str, int]:
    """The number of each branch's newest commit; of one without any, -1."""
    return {branch: lineage.head(branch).seq for branch in lineage.refs.branches()}


def versions(
    lineage: Lineage, newest: Mapping[str, int], after: Mapping[str, int] | None = None, without: Container[Place] = ()
) -> Iterator[Commit]:
    """All commits that can be read, of each branch newest first.

    Args:
        lineage: The commits of the dataset.
        newest: By branch, the number of the last commit to look at.
        after: By branch, the number of the last commit that is of no interest.
        without: Commits to leave out.
    """
    for branch, last in newest.items():
        for seq in range(last, (after or {}).get(branch, -1), -1):
            place = Place(branch, seq)
            if place not in without:
                try:
                    yield lineage.commit(place)
                except VersionExpiredError:
                    continue


class Marks:
    """Ids of all objects that some versions need."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uids: set[bytes] = set()
        self._seen: set[Segment] = set()

    def __contains__(self, key: str) -> bool:
        """Whether an object is needed; one that has no id is, to be safe: it is not ours."""
        uid = keys.uid_of(key)
        return uid is None or uid in self._uids

    def add(self, commit: Commit) -> None:
        """A version needs all that it names."""
        self._uids.update(bytes.fromhex(uid) for uid in commit.spilled)
        for rows in commit.state.rows.values():
            self._uids.update(one.uid for one in rows.dead.segments)
            for column in rows.columns.values():
                self._add(column.tail)
                self._add(column.patch)
                for one in (*column.segments, *column.over):
                    self._add_segment(one)

    def _add_segment(self, one: Segment) -> None:
        if one not in self._seen:
            self._seen.add(one)
            self._uids.add(one.uid)
            self._add(segment.read_entries(self._store, one))

    def _add(self, entries: Entries) -> None:
        raw = entries["uuid"].tobytes()
        self._uids.update(raw[at : at + _UID] for at in range(0, len(raw), _UID))

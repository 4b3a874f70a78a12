"""Rescue of a dataset whose log holds commits that nobody can read.

Each such commit is repaired if that is possible, so that nothing of it is lost: an older reelbase wrote text or numbers
that it could not read back, or the hint still holds a copy. What cannot be repaired gets a stand-in, a header without
a state like that of an expired version, so that the log has no gap. If the newest commit is among those, a new commit
goes back to the newest version that can be read. What was replaced is kept under ``refs/aside/``.

Nothing else may write meanwhile: the objects of the log are overwritten.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reelbase._util.printable import printable_line
from reelbase.errors import (
    CommitConflictError,
    CorruptObjectError,
    NewerFormatError,
    ObjectNotFoundError,
    ReelbaseError,
    StorageError,
    VersionExpiredError,
)
from reelbase.format import commit as commits
from reelbase.format import keys
from reelbase.format import log as logs
from reelbase.format.footprint import Footprint
from reelbase.format.header import Header, Place
from reelbase.format.log import MAIN, Log, current_author
from reelbase.format.store import Store
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.contracts.storage import Storage
    from reelbase.format.commit import Commit
    from reelbase.format.state import State

REPAIRED, COPIED, LOST = "repaired", "copied from the hint", "lost"
_LOST_MESSAGE = "(lost)"


@dataclass(frozen=True, kw_only=True)
class UnreadableVersion:
    """A commit that cannot be read.

    Attributes:
        version: Its ref.
        reason: Why it cannot be read.
        outcome: "repaired": it can be read again with all that it holds. "copied from the hint": likewise. "lost": its
            state is not known any more.
    """

    version: str
    reason: str
    outcome: str

    def __str__(self) -> str:
        return printable_line(f"{self.version}: {self.reason}: {self.outcome}")


@dataclass(frozen=True, kw_only=True)
class Rescue:
    """What `rescue` found and did.

    Attributes:
        unreadable: The commits that could not be read, by branch and number.
        newest: By branch, the newest version that can be read, for branches whose newest commit is lost.
        aside: What the keys of the objects that were replaced begin with now; None if nothing was changed.
    """

    unreadable: tuple[UnreadableVersion, ...] = ()
    newest: Mapping[str, str] = field(default_factory=dict)
    aside: str | None = None


def rescue(storage: Storage, *, apply: bool) -> Rescue:
    """Make the newest version that can be read the dataset's newest one again.

    Args:
        storage: The dataset's storage.
        apply: True does it; False only returns what would be done.

    Raises:
        DatasetNotFoundError: there is no dataset.
        NewerFormatError: a newer reelbase wrote a commit, which is therefore not damaged.
        CorruptObjectError: no version of the main branch can be read, or another branch builds on one that is lost.
        StorageError: a commit may not be read, or the storage cannot list its objects.
    """
    store = Store(storage, cache_bytes=0)
    lineage = Lineage(logs.open_log(store))
    found = [_examine(lineage.log(branch), last) for branch, last in _find_logs(storage).items()]
    _check_main(found)
    for log in found:
        _check_builds_on_nothing_lost(log, [other for other in found if other is not log])
    broken = [log for log in found if log.unreadable or log.is_behind]
    aside = f"{keys.ASIDE}{uuid.uuid4().hex}/" if broken and apply else None
    if aside is not None:
        for log in broken:
            if log.newest is not None:
                log.apply(log.newest, aside)
    return Rescue(
        unreadable=tuple(unreadable.describe() for log in broken for unreadable in log.unreadable.values()),
        newest={log.branch: str(log.newest.header.place) for log in broken if log.newest and log.is_behind},
        aside=aside,
    )


def _check_main(found: list[_BranchLog]) -> None:
    main = next((log for log in found if log.branch == MAIN), None)
    if main is None or main.newest is None:
        raise CorruptObjectError(
            f"No version of branch {MAIN!r} can be read.", f"Restore the folder log/{MAIN}/ from a copy."
        )


def _find_logs(storage: Storage) -> dict[str, int]:
    """Return the number of each branch's newest commit, by branch."""
    last: dict[str, int] = {}
    for key, _ in storage.list("log/"):
        branch, seq = key.split("/")[1], keys.seq_of(key)
        if seq is not None and keys.is_name(branch):
            last[branch] = max(seq, last.get(branch, -1))
    return last


@dataclass(frozen=True)
class _Unreadable:
    """A commit that cannot be read: its bytes (None if it is gone), why, and what it was, as far as that is known."""

    place: Place
    data: bytes | None
    reason: str
    outcome: str
    header: Header | None = None
    state: State | None = None
    body: bytes = b""

    def describe(self) -> UnreadableVersion:
        return UnreadableVersion(version=str(self.place), reason=self.reason, outcome=self.outcome)


def _examine(log: Log, last: int) -> _BranchLog:
    """Read all commits of a branch."""
    hint = logs.read_hint(log.store, log.branch)
    last = max(last, hint.seq if hint is not None and hint.header.dataset == log.uid else -1)
    unreadable: dict[int, _Unreadable] = {}
    newest: int | None = None
    places = (Place(log.branch, seq) for seq in range(last + 1))
    for place, found in Lineage(log).read_many(lambda place: (place, _try(log, place, hint)), places):
        if isinstance(found, _Unreadable):
            unreadable[place.seq] = found
        if found is None or (isinstance(found, _Unreadable) and found.outcome != LOST):
            newest = place.seq
    commit = None if newest is None else _read_newest(log, newest, unreadable.get(newest))
    return _BranchLog(log, last, unreadable, commit)


def _try(log: Log, place: Place, hint: Commit | None) -> _Unreadable | str | None:
    """Return None for a commit that can be read, "expired" for one that has expired, or what is wrong."""
    key = keys.commit(*place)
    try:
        data = log.store.storage.get(key)
    except ObjectNotFoundError:
        return _copy_of(hint, place, None, "it is gone")
    try:
        log.decode(place.seq, data)
    except VersionExpiredError:
        return "expired"
    except NewerFormatError:
        raise
    except (CorruptObjectError, ObjectNotFoundError) as error:
        reason = str(error).partition("\n")[0].removeprefix(f"{key} ").removesuffix(".")
        return _try_to_repair(log, place, data, reason) or _copy_of(hint, place, data, reason)
    return None


def _try_to_repair(log: Log, place: Place, data: bytes, reason: str) -> _Unreadable | None:
    try:
        mended = commits.mend(log.store, data, keys.commit(*place))
    except (CorruptObjectError, ObjectNotFoundError, VersionExpiredError):
        return None
    is_its_own = (mended.header.dataset, mended.header.place) == (log.uid, place)
    return _Unreadable(place, data, reason, REPAIRED, mended.header, mended.state) if is_its_own else None


def _copy_of(hint: Commit | None, place: Place, data: bytes | None, reason: str) -> _Unreadable:
    if hint is not None and hint.header.place == place:
        return _Unreadable(place, data, reason, COPIED, hint.header, hint.state, hint.body)
    return _Unreadable(place, data, reason, LOST, None if data is None else _try_header(data, place))


def _try_header(data: bytes, place: Place) -> Header | None:
    """Return the header of a commit whose state cannot be read, because an index object of it is damaged."""
    try:
        header = commits.decode_header(data, keys.commit(*place))
    except ReelbaseError:
        return None
    return header if header.place == place else None


def _read_newest(log: Log, seq: int, unreadable: _Unreadable | None) -> Commit:
    if unreadable is not None and unreadable.header is not None and unreadable.state is not None:
        return commits.Commit(header=unreadable.header, state=unreadable.state, body=unreadable.body)
    found = log.read(seq)
    if found is None:
        raise StorageError(f"{keys.commit(log.branch, seq)} was there and is gone.", "Let nothing else write; retry.")
    return found


@dataclass
class _BranchLog:
    """The log of one branch: its last number, what cannot be read, and the newest version that can be, or will be."""

    log: Log
    last: int
    unreadable: dict[int, _Unreadable]
    newest: Commit | None

    @property
    def branch(self) -> str:
        return self.log.branch

    @property
    def is_behind(self) -> bool:
        """True if the newest commit has no state."""
        return self.newest is None or self.newest.seq < self.last

    def apply(self, newest: Commit, aside: str) -> None:
        """Repair what can be, put stand-ins in the place of the rest, and go back to the newest version if need be."""
        for unreadable in self._in_order():
            self._replace(unreadable, newest, aside)
        commit = self.log.read(newest.seq)
        if commit is None:
            raise CorruptObjectError(f"Commit {newest.header.place} is gone again.", "Rescue once more.")
        if self.is_behind:
            commit = self._go_back(commit)
        self.log.store.storage.put(keys.latest(self.branch), commit.body)

    def _in_order(self) -> Iterator[_Unreadable]:
        """Yield what is unreadable: what has a state first, because stand-ins are made from what is around them."""
        yield from (commit for commit in self.unreadable.values() if commit.outcome != LOST)
        yield from (commit for commit in self.unreadable.values() if commit.outcome == LOST)

    def _replace(self, unreadable: _Unreadable, newest: Commit, aside: str) -> None:
        storage, key = self.log.store.storage, keys.commit(*unreadable.place)
        body = unreadable.body or self._make_body(unreadable, newest)
        if unreadable.data is not None:
            storage.put(aside + key, unreadable.data)
        storage.put(key, body)

    def _make_body(self, unreadable: _Unreadable, newest: Commit) -> bytes:
        if unreadable.header is None:
            return commits.encode_expired(self._make_stand_in(unreadable.place, newest))
        if unreadable.state is None:
            return commits.encode_expired(unreadable.header)
        return commits.encode(self.log.store, unreadable.header, unreadable.state).body

    def _make_stand_in(self, place: Place, newest: Commit) -> Header:
        """Return a header for a commit of which nothing is known, from those of its neighbours."""
        before = self.log.header(place.seq - 1) if place.seq else None
        after = None if self._is_lost(place.seq + 1) else self.log.header(place.seq + 1)
        return Header(
            dataset=self.log.uid,
            id=(after.parent_id if after else None) or uuid.uuid4().hex,
            branch=place.branch,
            seq=place.seq,
            parent=before.place if before else None,
            parent_id=before.id if before else None,
            time=before.time if before else 0.0,
            message=_LOST_MESSAGE if after is not None and after.named == place else None,
            named=before.last_named if before else None,
            includes=before.includes if before else after.includes if after else {},
            touched=_touch_all(newest),
        )

    def _is_lost(self, seq: int) -> bool:
        return seq in self.unreadable and self.unreadable[seq].outcome == LOST

    def _go_back(self, commit: Commit) -> Commit:
        """Commit the state of an earlier version, as the newest one."""
        parent = self.log.header(self.last)
        if parent is None:
            raise CorruptObjectError(f"Commit {self.branch}@{self.last} is gone again.", "Rescue once more.")
        header = Header(
            dataset=self.log.uid,
            id=uuid.uuid4().hex,
            branch=self.branch,
            seq=self.last + 1,
            parent=parent.place,
            parent_id=parent.id,
            time=time.time(),
            author=current_author(),
            message=f"Rescue: back to {commit.header.place}",
            named=parent.last_named,
            includes=parent.includes,
            touched=_touch_all(commit),
        )
        made = commits.encode(self.log.store, header, replace(commit.state, schema_ref=None))
        if not self.log.claim(made):
            raise CommitConflictError(
                "Another writer committed meanwhile.", "Let nothing else write, and rescue again."
            )
        return made


def _touch_all(commit: Commit) -> Footprint:
    """Return the footprint of a commit that may have changed anything: merges and other writers then compare it all."""
    state = commit.state
    changed = {
        (tensor, branch): runs
        for tensor, rows in state.rows.items()
        for branch, runs in rows.origins.births(((0, rows.physical_rows),), commit.branch).items()
    }
    return Footprint(
        created=frozenset(state.names),
        schema=frozenset({*state.tensors, *state.ghosts}),
        appended=frozenset(state.tensors),
        changed=changed,
        info=frozenset(
            {f"/{key}" for key in state.info}
            | {f"{tensor}/{key}" for tensor, schema in state.tensors.items() for key in schema.info}
        ),
    )


def _check_builds_on_nothing_lost(log: _BranchLog, others: list[_BranchLog]) -> None:
    """Check that no other branch has rows that were appended by commits which are lost.

    Rows are known by the numbers that they got. Those numbers would be given to other rows, and a merge would take one
    for the other.

    Raises:
        CorruptObjectError: a branch has.
    """
    for other in others if log.newest is not None and log.is_behind else ():
        reach = -1 if other.newest is None else other.newest.header.reach.get(log.branch, -1)
        if log.newest is not None and reach > log.newest.seq:
            raise CorruptObjectError(
                f"Branch {other.branch!r} builds on {log.branch}@{reach}, which is lost; the newest version of "
                f"{log.branch!r} that can be read is {log.newest.header.place}.",
                f"Restore the folder log/{log.branch}/ from a copy, or copy branch {other.branch!r} to a new dataset.",
            )

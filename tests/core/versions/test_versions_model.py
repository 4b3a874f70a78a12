"""Branches, several writers, merges and upkeep against a plain Python model: whatever is done, both say the same.

Every sample is another number, so that it can be seen which row is which. Writers are often stale: they write on top
of a commit that is not the newest any more.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from versions_merging import Merge, diff
from versions_model import Append, Commit, ConflictError, Repository, SetTxn, State, Table, Tx, new_row, values
from versions_steps import KEYS, Steps

import reelbase
from reelbase.errors import CommitConflictError, ReadOnlyError, TransactionError, UsageError

WRITERS = st.integers(0, 2)
APP = "job"


class RollbackError(Exception):
    """Raised inside a transaction to undo it."""


@dataclass
class Writer:
    """A dataset object, and the commit that it is at."""

    ds: reelbase.Dataset
    at: Commit
    pinned: bool = False


class VersionsMachine(RuleBasedStateMachine):
    """Three writers, at first three branches, and tensors x and y with some whole rows."""

    @initialize(rows=st.integers(0, 4), places=st.tuples(*[st.sampled_from(["main", "b1", "b2"])] * 3))
    def start(self, rows: int, places: tuple[str, ...]) -> None:
        self.path, self.repo, self.steps = f"mem://{uuid.uuid4().hex}", Repository(), Steps()
        numbers = [self.steps.number() for _ in range(rows)]
        ds = reelbase.empty(self.path)
        with ds:
            for name in ("x", "y"):
                ds.create_tensor(name, dtype="int64").extend(numbers)
        tables = {
            number: Table(name, tuple(new_row(one, one) for one in numbers)) for number, name in ((1, "x"), (2, "y"))
        }
        first = self.repo.start(State(tables))
        for name in ("b1", "b2"):
            ds.history.create_branch(name)
            self.repo.fork(name, first)
        self.writers = [Writer(reelbase.load(self.path, ref=one), self.repo.head(one)) for one in places]
        self.clock = itertools.count()

    def refused(self, writer: Writer, act: Callable[[], object]) -> bool:
        """Whether the writer is at a version; then the write is refused, and it goes to that version's branch."""
        if not writer.pinned:
            return False
        with pytest.raises(ReadOnlyError, match="is at version"):
            act()
        writer.ds.checkout(writer.at.branch)
        writer.at, writer.pinned = self.repo.head(writer.at.branch), False
        return True

    @rule(which=WRITERS, data=st.data(), times=st.sampled_from([3, 1, 6]))
    def write(self, which: int, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            self._write(self.writers[which], data)

    write_more = write  # rules are drawn alike, and this one is to be drawn more often

    def _write(self, writer: Writer, data: st.DataObject) -> None:
        """One write, which must do what the model says."""
        step = self.steps.draw(data, writer.at.state)
        if step is None or self.refused(writer, lambda: step[0](writer.ds) if step[1] else writer.ds.commit("no")):
            return
        tx = Tx(writer.at).do(*step[1])
        try:
            made = self.repo.commit(tx) if tx.ops else writer.at
        except ConflictError:
            with pytest.raises(CommitConflictError):
                step[0](writer.ds)
        else:
            step[0](writer.ds)
            writer.at = made
        assert writer.ds.history.current.ref == writer.at.ref

    @rule(which=WRITERS, other=WRITERS, keep=st.sampled_from([True, True, False]), data=st.data())
    def transaction(self, which: int, other: int, keep: bool, data: st.DataObject) -> None:
        """Several writes at once, while another writer goes on."""
        writer, tx = self.writers[which], Tx(self.writers[which].at)
        if self.refused(writer, writer.ds.__enter__):
            return
        made: Commit | None = None
        try:
            with writer.ds as ds:
                for _ in range(data.draw(st.integers(1, 5), label="writes")):
                    self._write_inside(ds, tx, data)
                    if other != which and data.draw(st.booleans(), label="other"):
                        self._write(self.writers[other], data)
                        check(ds, tx.state)
                with pytest.raises(TransactionError):
                    ds.commit("no")
                made = self._outcome(tx) if keep else None
                if not keep:
                    raise RollbackError  # noqa: TRY301
        except RollbackError:
            pass
        except CommitConflictError:
            assert made is None
        else:
            assert made is not None
            writer.at = made

    def _write_inside(self, ds: reelbase.Dataset, tx: Tx, data: st.DataObject) -> None:
        self.steps.in_transaction = True
        step = self.steps.draw(data, tx.state)
        if step is not None:
            step[0](ds)
            tx.do(*step[1])
            check(ds, tx.state)
        self.steps.in_transaction = False

    def _outcome(self, tx: Tx) -> Commit | None:
        """The commit that a transaction makes; None: it is in conflict."""
        try:
            return self.repo.commit(tx) if tx.ops else tx.base
        except ConflictError:
            return None

    @rule(which=WRITERS, back=st.integers(-1, 2), rows=st.integers(1, 2))
    def append_once(self, which: int, back: int, rows: int) -> None:
        """Rows with a number, also of writes that were done before."""
        writer = self.writers[which]
        state, branch = writer.at.state, writer.at.branch
        number = self.repo.head(branch).state.txns.get(APP, 0) - back
        new = [self.steps.number() for _ in range(rows)]
        columns = dict.fromkeys(state.names, new)
        if self.refused(writer, lambda: writer.ds.commit("no")) or not state.tables:
            return
        if number <= state.txns.get(APP, number - 1):
            assert not writer.ds.extend(columns, txn=(APP, number))
            return
        added = Append({tensor: [new_row(value, value) for value in new] for tensor in state.tables})
        made = self._outcome(Tx(writer.at).do(added, SetTxn(APP, number)))
        writer.at = made or self.repo.head(branch)
        if made is None and number > writer.at.state.txns.get(APP, number - 1):
            with pytest.raises(CommitConflictError):
                writer.ds.extend(columns, txn=(APP, number))
        else:
            assert writer.ds.extend(columns, txn=(APP, number)) == (made is not None)

    @rule(which=WRITERS, how=st.sampled_from(["refresh"] * 3 + ["checkout", "reopen"]), data=st.data())
    def move(self, which: int, how: str, data: st.DataObject) -> None:
        writer = self.writers[which]
        if how == "refresh":
            writer.ds.refresh()
            writer.at = writer.at if writer.pinned else self.repo.head(writer.at.branch)
            return
        ref, commit, pinned = self._ref(data)
        if how == "checkout":
            writer.ds.checkout(ref)
            writer.at, writer.pinned = commit, pinned
        else:
            self.writers[which] = Writer(reelbase.load(self.path, ref=ref), commit, pinned)
        assert self.writers[which].ds.history.branch == commit.branch

    def _ref(self, data: st.DataObject, but: str = "") -> tuple[str, Commit, bool]:
        """A ref: most often a branch, and not `but`; else a tag or the name of a commit."""
        if data.draw(st.integers(0, 4), label="kind"):
            branch = data.draw(st.sampled_from([one for one in self.repo.branches if one != but]), label="branch")
            return branch, self.repo.head(branch), False
        if self.repo.tags and data.draw(st.booleans(), label="by tag"):
            tag = data.draw(st.sampled_from(list(self.repo.tags)), label="tag")
            return tag, self.repo.tags[tag], True
        commit = data.draw(st.sampled_from(self.repo.commits), label="commit")
        return commit.ref, commit, True

    @rule(which=WRITERS, what=st.sampled_from(["commit", "tag", "branch"]), data=st.data())
    def name(self, which: int, what: str, data: st.DataObject) -> None:
        writer = self.writers[which]
        if what == "commit":
            self._commit(writer, f"version {self.steps.number()}")
            return
        ref, commit, _ = self._ref(data)
        here = data.draw(st.booleans(), label="here")
        (self._tag if what == "tag" else self._branch)(writer, None if here else ref, writer.at if here else commit)

    def _commit(self, writer: Writer, message: str) -> None:
        if not self.refused(writer, lambda: writer.ds.commit(message)):
            writer.at = self.repo.commit(Tx(writer.at), message=message)
            assert writer.ds.commit(message).ref == writer.at.ref

    def _tag(self, writer: Writer, ref: str | None, commit: Commit) -> None:
        name = f"tag{self.steps.number()}"
        writer.ds.history.tag(name, ref)
        self.repo.tags[name] = commit
        assert writer.ds.history.tags == {tag: one.ref for tag, one in self.repo.tags.items()}

    def _branch(self, writer: Writer, ref: str | None, commit: Commit) -> None:
        if len(self.repo.branches) == 5:
            return
        name = f"b{len(self.repo.branches)}"
        made = writer.ds.history.create_branch(name, ref)
        assert made.ref == self.repo.fork(name, commit).ref
        assert sorted(writer.ds.branches) == sorted(self.repo.branches)
        writer.ds.checkout(name)
        writer.at, writer.pinned = self.repo.head(name), False

    @rule(which=WRITERS, data=st.data(), times=st.integers(0, 3))
    def merge(self, which: int, data: st.DataObject, times: int) -> None:
        """Merge something, most often a branch; both sides may first do something that the other does not know of."""
        writer = self.writers[which]
        ref, theirs, pinned = self._ref(data, but=writer.at.branch)
        if self.refused(writer, lambda: writer.ds.merge(ref)):
            return
        other = Writer(reelbase.load(self.path, ref=ref), theirs, pinned)
        for _ in range(0 if pinned else times):
            self._write(other, data)
            self._write(writer, data)
        ours, theirs = self.repo.head(writer.at.branch), other.at
        if theirs in ours.history:
            assert writer.ds.merge(ref).ref == ours.ref
            writer.at = ours
            return
        merge = Merge(ours, theirs)
        writer.at = self._conflict(writer, ref, ours) if merge.clashes else self._merge(writer, ref, merge)

    merge_more = merge_again = merge

    def _conflict(self, writer: Writer, ref: str, ours: Commit) -> Commit:
        with pytest.raises(CommitConflictError):
            writer.ds.merge(ref)
        assert writer.ds.history.current.ref == ours.ref
        check(writer.ds, ours.state)
        return ours

    def _merge(self, writer: Writer, ref: str, merge: Merge) -> Commit:
        ours, theirs, ds = merge.tx.base, merge.theirs, writer.ds
        merge.run()
        version = ds.merge(ref)
        made = self.repo.commit(merge.tx, message=f"Merge {ref}", theirs=theirs)
        assert (version.ref, version.merged, version.parent) == (made.ref, theirs.ref, ours.ref)
        check(ds, made.state)
        check_side_by_side(merge)
        check_diff(ds, ours, made)
        check_diff(ds, theirs, made)
        assert ds.merge(ref) == version
        return made

    @rule(which=WRITERS, back=st.integers(0, 12))
    def revert(self, which: int, back: int) -> None:
        writer = self.writers[which]
        before = list(self.repo.head(writer.at.branch).back())
        old = before[min(back, len(before) - 1)]
        if self.refused(writer, lambda: writer.ds.history.revert(old.ref)):
            return
        writer.at = self.repo.revert(writer.at.branch, old, f"Revert to {old.ref}")
        assert writer.ds.history.revert(old.ref).ref == writer.at.ref
        check(writer.ds, writer.at.state)

    @rule(which=WRITERS, what=st.sampled_from(["log", "diff", "stranger"]), data=st.data())
    def look(self, which: int, what: str, data: st.DataObject) -> None:
        writer = self.writers[which]
        if what == "log":
            check_log(writer)
            return
        (_, a, _), (_, b, _) = self._ref(data), self._ref(data)
        if what == "diff":
            check_diff(writer.ds, a, b)
        elif not writer.pinned and a not in self.repo.head(writer.at.branch).back():
            with pytest.raises(UsageError, match="does not build on"):
                writer.ds.history.revert(a.ref)
            writer.at = self.repo.head(writer.at.branch)

    @rule(which=WRITERS, what=st.sampled_from(["compact", "gc", "verify"]))
    def upkeep(self, which: int, what: str) -> None:
        writer = self.writers[which]
        if what == "gc":
            writer.ds.maintenance.gc(grace=timedelta(0))
        elif what == "verify":
            assert writer.ds.maintenance.verify(deep=True).damages == ()
        elif not self.refused(writer, writer.ds.maintenance.compact):
            self._compact(writer)

    def _compact(self, writer: Writer) -> None:
        """It changes nothing that can be seen, and nothing at all when it was done just now."""
        writer.at = self.repo.head(writer.at.branch)
        for _ in range(3):
            if not writer.ds.maintenance.compact():
                break
            writer.at = self.repo.commit(Tx(writer.at))
        else:
            assert not writer.ds.maintenance.compact()
        assert writer.ds.history.current.ref == writer.at.ref

    @invariant()
    def writers_see_what_they_should(self) -> None:
        if hasattr(self, "clock"):
            writer = self.writers[next(self.clock) % 3]
            check(writer.ds, writer.at.state)

    @invariant()
    def versions_never_change(self) -> None:
        if hasattr(self, "clock"):
            at = next(self.clock)
            commit = self.repo.commits[at * 7919 % len(self.repo.commits)]
            check(self.writers[at % 3].ds.history.at(commit.ref), commit.state)

    def teardown(self) -> None:
        if not hasattr(self, "clock"):
            return
        for commit in self.repo.commits:
            check(reelbase.load(self.path, ref=commit.ref), commit.state)
        for tag, commit in self.repo.tags.items():
            check(reelbase.load(self.path, ref=tag), commit.state)
        assert reelbase.load(self.path).maintenance.verify(deep=True).damages == ()
        reelbase.delete(self.path)


def check(ds: reelbase.Dataset, state: State) -> None:
    """See that a dataset is in a state."""
    tables = state.tables.values()
    assert {name: values(one) for name, one in ds.tensors.items()} == {one.name: one.values for one in tables}
    assert dict(ds.info) == state.info
    assert {name: dict(one.info) for name, one in ds.tensors.items()} == {one.name: one.info for one in tables}
    assert len(ds) == len(state)


def check_log(writer: Writer) -> None:
    """See that the log lists what came before."""
    every = list(writer.at.back())
    assert [one.ref for one in writer.ds.log(all=True)] == [one.ref for one in every]
    named = [(one.ref, one.message) for one in every if one.message is not None]
    assert [(one.ref, one.message) for one in writer.ds.log()] == named


def check_side_by_side(merge: Merge) -> None:
    """See that rows that were appended whole still are, if both versions had nothing but whole rows."""
    ours, theirs, made = merge.tx.base.state.tables, merge.theirs.state.tables, merge.tx.state.tables
    both = ours.keys() & theirs.keys() & made.keys()
    if all(is_whole([one[tensor] for tensor in both]) for one in (ours, theirs)):
        places = [{row.whole: at for at, row in enumerate(made[tensor].rows) if row.whole} for tensor in both]
        assert all(one == places[0] for one in places)


def is_whole(tables: list[Table]) -> bool:
    """Whether every row was appended as one row of all tensors."""
    rows = [[row.whole for row in one.rows] for one in tables]
    return all(one == rows[0] and all(one) for one in rows)


def check_diff(ds: reelbase.Dataset, a: Commit, b: Commit) -> None:
    """See that a diff says what is different."""
    found = ds.diff(a.ref, b.ref)
    was, now = a.state.tables, b.state.tables
    assert (found.a, found.b) == (a.ref, b.ref)
    assert {*found.created} == {now[tensor].name for tensor in now.keys() - was.keys()}
    assert {*found.dropped} == {was[tensor].name for tensor in was.keys() - now.keys()}
    names = {was[one].name: now[one].name for one in was.keys() & now.keys()}
    assert found.renamed == {old: new for old, new in names.items() if old != new}
    changed = {key for key in KEYS if a.state.info.get(key) != b.state.info.get(key)}
    for one in was.keys() & now.keys():
        changed |= {f"{now[one].name}/{key}" for key in KEYS if was[one].info.get(key) != now[one].info.get(key)}
    assert {*found.info} == changed
    rows = {
        name: (one.added.tolist(), one.updated.tolist(), one.deleted.tolist()) for name, one in found.tensors.items()
    }
    assert rows == diff(a.state, b.state)
    assert bool(found) == bool(rows or changed or found.created or found.dropped or found.renamed)


_SETTINGS = settings(max_examples=12, stateful_step_count=30, deadline=None)


class TestVersions(VersionsMachine.TestCase):
    settings = _SETTINGS


class TestVersionsAgain(VersionsMachine.TestCase):
    """The same with other examples, for another worker."""

    settings = _SETTINGS


class TestVersionsOnceMore(VersionsMachine.TestCase):
    """And for a third."""

    settings = _SETTINGS

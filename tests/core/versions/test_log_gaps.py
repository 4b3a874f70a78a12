"""A commit that is lost or may not be read: nothing older passes for the newest, and nothing it needs is deleted."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.errors import AccessDeniedError, CorruptObjectError, ReelbaseError
from reelbase.format import keys
from reelbase.registry import Registry

COMMITS = 12


class Denying(MemoryStorage):
    """Some objects may not be read; they are listed."""

    denied: frozenset[str] = frozenset()

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        if key in self.denied:
            raise AccessDeniedError(f"{key}: access denied.", "Ask for more rights.")
        return super().get(key, start, stop, if_match=if_match)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Denying]:
    """With a dataset of one row a commit. Its hint names the first one, as after a burst and a kill."""
    storage = Denying(f"mem://gaps-{uuid.uuid4().hex}")
    monkeypatch.setattr(Registry, "open_storage", lambda self, root, **how: storage)
    ds = reelbase.empty(storage.root)
    ds.create_tensor("n", dtype="int64")
    hint = storage.get(keys.latest("main"))
    for number in range(COMMITS):
        ds.n.append(number)
    ds._session.log.flush_hint()
    storage.put(keys.latest("main"), hint)
    yield storage
    for key, _ in list(storage.list()):
        storage.delete(key)


POSITIONS = range(2, COMMITS + 1)


@pytest.mark.parametrize("how", ["lost", "denied"])
@pytest.mark.parametrize("seq", POSITIONS)
def test_a_gap(storage: Denying, seq: int, how: str) -> None:
    key = keys.commit("main", seq)
    data, objects = storage.get(key), {name for name, _ in storage.list()}
    if how == "lost":
        storage.delete(key)
    else:
        storage.denied = frozenset([key])
    if how == "lost" and seq == COMMITS:
        return  # nothing is left of it that could be noticed
    try:
        ds = reelbase.load(storage.root)
    except ReelbaseError as error:
        assert re.search(r"may not be read|denied", str(error))  # noqa: PT017 - either is right
    else:  # the search for the newest commit did not pass by the gap
        assert ds.n.numpy().tolist() == list(range(COMMITS))
    # Where the hint is newer than the gap, the dataset opens, and only maintenance would do harm.
    storage.put(keys.latest("main"), storage.get(keys.commit("main", COMMITS)) if seq < COMMITS else data)
    ds = reelbase.load(storage.root)
    assert ds.n.numpy().tolist() == list(range(COMMITS))
    with pytest.raises(ReelbaseError, match=r"missing|denied|no version|gone"):
        ds.maintenance.gc(grace=timedelta(0))
    if seq < COMMITS:  # the newest is never expired, and the hint says what it is
        with pytest.raises(ReelbaseError, match=r"missing|denied|no version|gone"):
            ds.maintenance.expire(keep=0)
    storage.denied = frozenset()
    storage.put(key, data)
    assert objects <= {name for name, _ in storage.list()}
    assert reelbase.load(storage.root).n.numpy().tolist() == list(range(COMMITS))
    assert not ds.maintenance.gc(grace=timedelta(0), dry_run=True).objects


@pytest.mark.parametrize("hint", ["old", "new"])
@pytest.mark.parametrize("how", ["lost", "denied", "unreadable"])
@pytest.mark.parametrize("seq", range(COMMITS + 1))
def test_no_acknowledged_row_is_lost(storage: Denying, seq: int, how: str, hint: str) -> None:
    """Each call refuses or does right; when the commit is there again, so is every row that was acknowledged."""
    if (hint, how, seq) == ("old", "lost", COMMITS):
        return  # nothing is left of it that could be noticed
    if hint == "new":
        storage.put(keys.latest("main"), storage.get(keys.commit("main", COMMITS)))
    key, rows = keys.commit("main", seq), list(range(COMMITS))
    data = storage.get(key)
    _spoil(storage, key, how)
    for act in (_append, _expire, _collect, _verify):
        try:
            ds = reelbase.load(storage.root)
            assert ds.n.numpy().tolist() == rows
            rows += act(ds)
        except ReelbaseError:
            continue
    storage.denied = frozenset()
    storage.put(key, data)
    ds = reelbase.load(storage.root)
    assert ds.n.numpy().tolist() == rows
    assert ds.maintenance.verify(deep=True).ok
    assert not ds.maintenance.gc(grace=timedelta(0), dry_run=True).objects


def _spoil(storage: Denying, key: str, how: str) -> None:
    if how == "lost":
        storage.delete(key)
    elif how == "denied":
        storage.denied = frozenset([key])
    else:
        storage.put(key, storage.get(key)[:-1])


def _append(ds: reelbase.Dataset) -> list[int]:
    ds.n.append(100)
    return [100]


def _expire(ds: reelbase.Dataset) -> list[int]:
    ds.maintenance.expire(keep=timedelta(days=1))
    return []


def _collect(ds: reelbase.Dataset) -> list[int]:
    ds.maintenance.gc(grace=timedelta(0))
    return []


def _verify(ds: reelbase.Dataset) -> list[int]:
    assert not ds.maintenance.verify().ok
    return []


def test_a_replaced_commit_is_noticed(storage: Denying) -> None:
    """A log of which one commit is from another copy: every commit names the one it was built on."""
    key = keys.commit("main", 5)
    copy = {name: storage.get(name) for name, _ in storage.list()}
    for seq in range(5, COMMITS + 1):
        storage.delete(keys.commit("main", seq))
    reelbase.load(storage.root).n.append(77)
    other = storage.get(key)
    for name, data in copy.items():
        storage.put(name, data)
    storage.put(key, other)
    storage.put(keys.latest("main"), copy[keys.commit("main", COMMITS)])
    ds = reelbase.load(storage.root)
    with pytest.raises(CorruptObjectError, match="main@6 was built on another commit than the main@5"):
        ds.maintenance.gc(grace=timedelta(0))


def test_the_hint_is_brought_up_when_a_process_ends(tmp_path: Path) -> None:
    code = f"""
import reelbase
ds = reelbase.empty({str(tmp_path / "ds")!r})
ds.create_tensor("n", dtype="int64")
for number in range(20):
    ds.n.append(number)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    newest = reelbase.load(tmp_path / "ds")._session.commit
    assert (tmp_path / "ds" / keys.latest("main")).read_bytes() == newest.body

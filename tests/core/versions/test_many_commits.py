"""Logs, refs by id, expiry, gc and verify of many commits on a storage where every request takes a while."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.errors import CorruptObjectError
from reelbase.format import keys
from reelbase.registry import Registry

COMMITS = 600
WINDOW = 32


class Distant(MemoryStorage):
    """Counts how many requests for commits are under way at once.

    A request waits a little for others to join it, so that the counts show what could be sent together.
    """

    distant = True

    def __init__(self, root: str, **more: Any) -> None:
        super().__init__(root, **more)
        self.reads = self.rounds = self.most = self._under_way = 0
        self._lock = threading.Lock()
        self.slow: Callable[[], object] | None = None

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        if self.slow is None or not key.endswith(".rbc"):
            return super().get(key, start, stop, if_match=if_match)
        with self._lock:
            self.reads += 1
            self.rounds += self._under_way == 0
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        self.slow()
        try:
            return super().get(key, start, stop, if_match=if_match)
        finally:
            with self._lock:
                self._under_way -= 1


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Distant]:
    storage = Distant(f"mem://many-{uuid.uuid4().hex}")
    monkeypatch.setattr(Registry, "open_storage", lambda self, root, **how: storage)
    ds = reelbase.empty(storage.root)
    ds.create_tensor("n", dtype="int64")
    for number in range(COMMITS - 1):
        ds.n.append(number)
    ds._session.log.flush_hint()
    yield storage
    for key, _ in list(storage.list()):
        storage.delete(key)


def by_id(ds: reelbase.Dataset) -> None:
    first = ds.log(all=True)[-1]
    assert reelbase.load(ds.path, ref=first.id[:12]).history.current == first


CALLS: dict[str, tuple[Callable[[reelbase.Dataset], object], int]] = {  # and how often it goes through the log
    "log": (lambda ds: ds.log(all=True), 1),
    "load(ref=id)": (by_id, 2),
    "expire": (lambda ds: ds.maintenance.expire(keep=timedelta(days=1)), 1),
    "gc": (lambda ds: ds.maintenance.gc(), 1),
    "gc of expired": (lambda ds: (ds.maintenance.expire(keep=0), ds.maintenance.gc(timedelta(0))), 4),
    "stats": (lambda ds: ds.maintenance.stats(), 1),
    "verify": (lambda ds: ds.maintenance.verify(), 1),
    "rescue": (lambda ds: ds.maintenance.rescue(), 1),
}


@pytest.mark.parametrize("name", CALLS)
def test_commits_are_read_many_at_a_time(storage: Distant, name: str) -> None:
    call, times = CALLS[name]
    ds = reelbase.load(storage.root)
    pause = threading.Event()
    storage.slow = lambda: pause.wait(0.01)
    call(ds)
    storage.slow = None
    assert times * (COMMITS - 1) <= storage.reads <= (times + 1) * (COMMITS + WINDOW)
    assert storage.most <= WINDOW, "memory is bounded"
    assert storage.rounds <= 2 * times * (COMMITS / WINDOW + 6), "about one round for 32 commits"


def test_a_short_log_reads_little(storage: Distant) -> None:
    ds = reelbase.load(storage.root)
    storage.slow = bool
    assert len(ds.log(all=True, limit=4)) == 4
    assert storage.reads <= 8


def test_a_gap_is_still_an_error(storage: Distant) -> None:
    ds = reelbase.load(storage.root)
    storage.delete(keys.commit("main", 300))
    with pytest.raises(CorruptObjectError, match="main@300 is gone"):
        ds.log(all=True)
    assert [damage.version for damage in ds.maintenance.verify().damages] == ["main@300"]

"""Writers, readers and upkeep on one storage, one storage operation at a time, in an order that a seed decides.

The storage shows only a part of what is there: what is absent may be denied, listings may lag or be denied, and replies
are lost. What each actor did and saw is a history, which is checked as it grows and at the end. By hand, for more
seeds than the suite tries: ``python interleavings.py FIRST COUNT``.
"""

from __future__ import annotations

import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import pytest
from door import URL, Clock, serving

import reelbase
from reelbase.contracts.storage import Stat, Storage
from reelbase.errors import (
    AccessDeniedError,
    CommitConflictError,
    CommitOutcomeUnknownError,
    ObjectExistsError,
    ObjectNotFoundError,
    OutcomeUnknownError,
    ReelbaseError,
    StorageError,
)

GRACE = timedelta(hours=1)  # longer than any interleaving takes: an operation is a second
_LOST = 0.01  # of the replies to writes
_LAG = 12  # operations after which a listing shows a change, at most


class Schedule:
    """Lets one thread run at a time; at each storage operation, a seed decides which.

    Args:
        seed: Of it.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.steps = 0
        self._alive: list[int] = []
        self._turns: dict[int, threading.Semaphore] = {}
        self._me = threading.local()

    def run(self, actors: Sequence[Callable[[], None]]) -> None:
        """Run all actors to their ends."""
        self._alive = list(range(len(actors)))
        self._turns = {number: threading.Semaphore(0) for number in self._alive}
        threads = [
            threading.Thread(target=self._act, args=(number, act), daemon=True) for number, act in enumerate(actors)
        ]
        for thread in threads:
            thread.start()
        self._turns[self.random.choice(self._alive)].release()
        for thread in threads:
            thread.join()

    def _act(self, number: int, act: Callable[[], None]) -> None:
        self._me.number = number
        self._turns[number].acquire()
        try:
            act()
        finally:
            self._alive.remove(number)
            if self._alive:
                self._turns[self.random.choice(self._alive)].release()

    def step(self, *_: object) -> None:
        """Give way to whoever is next. Threads that are not actors just go on."""
        self.steps += 1
        me = getattr(self._me, "number", None)
        if me is None:
            return
        following = self.random.choice(self._alive)
        if following != me:
            self._turns[following].release()
            self._turns[me].acquire()


@dataclass
class _Object:
    data: bytes
    etag: str
    modified: datetime


class PartialStorage(Storage):
    """Objects in a dict, seen in part.

    Args:
        schedule: Of all who use it.
        denies_absent: What is absent may not be read, as on S3 without the right to list.
        lists: "now", "late" or "denied".
    """

    distant = False

    def __init__(self, schedule: Schedule, *, denies_absent: bool, lists: str) -> None:
        super().__init__(URL)
        self.objects: dict[str, _Object] = {}
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.is_troubled = False
        self._schedule = schedule
        self.denies_absent = denies_absent
        self.lists = lists
        self._shown: dict[str, _Object] = {}
        self._changes: list[tuple[int, str]] = []  # when listings show it, and the key
        self._etags = 0

    def _begin(self) -> None:
        self._schedule.step()
        self.now += timedelta(seconds=1)

    def _find(self, key: str) -> _Object:
        self._begin()
        if key in self.objects:
            return self.objects[key]
        if self.denies_absent:
            raise AccessDeniedError(f"{key}: access denied.", "Ask for more rights.")
        raise ObjectNotFoundError(f"{key} is absent.", "Check the key.")

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        return self._find(key).data[start:stop]

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        data = self._find(key).data
        return [data[start:stop] for start, stop in ranges]

    def stat(self, key: str) -> Stat:
        return _make_stat(self._find(key))

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        body = bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else data.read()
        self._begin()
        with self._troubled(OutcomeUnknownError, key):
            if if_absent and key in self.objects:
                raise ObjectExistsError(f"{key} exists.", "Nothing was written.")
            self._etags += 1
            self.objects[key] = _Object(body, str(self._etags), self.now)
            self._note(key)

    def delete(self, key: str) -> None:
        self._begin()
        with self._troubled(StorageError, key):
            self.objects.pop(key, None)
            self._note(key)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        self._begin()
        if self.lists == "denied":
            raise AccessDeniedError("Listing is denied.", "Ask for more rights.")
        self._catch_up()
        shown = self._shown if self.lists == "late" else self.objects
        return iter([(key, _make_stat(found)) for key, found in sorted(shown.items()) if key.startswith(prefix)])

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        return iter(())

    @contextmanager
    def _troubled(self, error: type[StorageError], key: str) -> Iterator[None]:
        """Sometimes no reply comes: whether the block was run is not known then."""
        chance = self._schedule.random.random() if self.is_troubled else 1.0
        if chance < _LOST / 2:
            raise error(f"No reply about {key}.", "Ask again.")
        yield
        if chance < _LOST:
            raise error(f"No reply about {key}.", "Ask again.")

    def _note(self, key: str) -> None:
        self._changes.append((self._schedule.steps + self._schedule.random.randrange(_LAG), key))

    def _catch_up(self) -> None:
        waiting = []
        for due, key in self._changes:
            if due > self._schedule.steps and self._schedule.steps:
                waiting.append((due, key))
            elif key in self.objects:
                self._shown[key] = self.objects[key]
            else:
                self._shown.pop(key, None)
        self._changes = waiting


def _make_stat(found: _Object) -> Stat:
    return Stat(size=len(found.data), etag=found.etag, modified=found.modified)


@dataclass
class Record:
    """What was done and seen.

    Attributes:
        certain: Rows whose append returned.
        possible: Rows of which it is not known whether they were appended.
        seen: The highest version that anybody saw.
        problems: What is wrong with it.
    """

    certain: list[int] = field(default_factory=list)
    possible: set[int] = field(default_factory=set)
    seen: int = -1
    problems: list[str] = field(default_factory=list)

    def check(self, who: str, rows: list[int], version: int, certain: list[int], seen: int) -> None:
        """Check what a reader saw, given what was certain, and seen by anybody, before it began."""
        counts = Counter(rows)
        doubled = [row for row, count in counts.items() if count > 1]
        lost = [row for row in certain if row not in counts]
        strange = counts.keys() - set(self.certain) - self.possible
        for what, wrong in (("doubled", doubled), ("lost", lost), ("never written", strange)):
            if wrong:
                self.problems.append(f"{who} at version {version}: rows {what}: {sorted(wrong)}")
        if version < seen:
            self.problems.append(f"{who}: version {version} after {seen}")
        self.seen = max(self.seen, version)


class Interleaving:
    """One dataset, some actors, one seed.

    Args:
        seed: Of it.
    """

    def __init__(self, seed: int) -> None:
        self.schedule = Schedule(seed)
        draw = self.schedule.random
        self.kind = draw.choice([(False, "now"), (False, "late"), (True, "now"), (True, "late"), (True, "denied")])
        self.storage = PartialStorage(self.schedule, denies_absent=self.kind[0], lists=self.kind[1])
        self.record = Record()
        self._rows = iter(range(1, 10_000))

    def run(self) -> list[str]:
        """Do it. Returns what is wrong."""
        clock = Clock()
        with serving(self.storage), clock.ticking(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "sleep", self.schedule.step)
            self._guard(self._begin)
            self.storage.is_troubled = True
            actors = [self._write, self._write, self._write_in_transactions, self._read, self._read, self._keep_up]
            self.schedule.run([lambda act=act: self._guard(act) for act in actors])  # type: ignore[misc]
            self.storage.is_troubled = False
            self._guard(self._end)
        return self.record.problems

    def _begin(self) -> None:
        """A day ago: some versions, of which the older ones expired, and what a writer left that was killed."""
        self.storage.now -= timedelta(days=1)
        self._show_all(True)
        ds = reelbase.empty(URL)
        ds.create_tensor("n", dtype="int64")
        for _ in range(self.schedule.random.randrange(1, 5)):
            self._append(ds, next(self._rows))
        ds.maintenance.expire(keep=0)
        self.storage.put(f"packs/00/{'0' * 32}.pack", b"of a writer that was killed")
        self._show_all(False)
        self.storage.now += timedelta(days=1)
        self.storage._shown = dict(self.storage.objects)
        self.storage._changes = []

    def _show_all(self, is_all: bool) -> None:
        self.storage.denies_absent, self.storage.lists = (False, "now") if is_all else self.kind

    def _guard(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException:  # a thread must not end in silence
            self.record.problems.append(traceback.format_exc())

    def _append(self, ds: reelbase.Dataset, row: int, **more: Any) -> None:
        self.record.possible.add(row)
        try:
            ds.append({"n": row}, **more)
        except CommitOutcomeUnknownError:
            return
        except (StorageError, CommitConflictError):
            self.record.possible.remove(row)  # then it must never be seen
        else:
            self.record.possible.remove(row)
            self.record.certain.append(row)

    def _load(self) -> reelbase.Dataset | None:
        try:
            return reelbase.load(URL)
        except StorageError:  # a reply was lost
            return None

    def _write(self) -> None:
        """Append rows, from a dataset that is often behind; some with a number, twice."""
        ds = self._load()
        for _ in range(self.schedule.random.randrange(2, 6)):
            row = next(self._rows)
            if ds is not None and self.schedule.random.random() < 0.3:
                self._append(ds, row, txn=(f"job {row}", 1))
                self._repeat(ds, row)
            elif ds is not None:
                self._append(ds, row)

    def _repeat(self, ds: reelbase.Dataset, row: int) -> None:
        """The same write again, as of a job that was started again: the row is there once."""
        was_possible = row in self.record.possible
        self.record.possible.add(row)
        try:
            ds.append({"n": row}, txn=(f"job {row}", 1))
        except CommitOutcomeUnknownError:
            return
        except (StorageError, CommitConflictError):
            self.record.possible -= set() if was_possible else {row}
        else:
            self.record.possible.discard(row)
            self.record.certain += [] if row in self.record.certain else [row]

    def _write_in_transactions(self) -> None:
        ds = self._load()
        for _ in range(3 if ds is not None else 0):
            rows = [next(self._rows) for _ in range(3)]
            self.record.possible.update(rows)
            try:
                with ds:  # type: ignore[union-attr]
                    for row in rows:
                        ds.n.append(row)  # type: ignore[union-attr]
            except CommitOutcomeUnknownError:
                continue
            except (StorageError, CommitConflictError):
                self.record.possible.difference_update(rows)
            else:
                self.record.possible.difference_update(rows)
                self.record.certain += rows

    def _read(self) -> None:
        """Open the dataset again and again, and refresh it."""
        for number in range(6):
            certain, seen = list(self.record.certain), self.record.seen
            ds = self._load()
            if ds is not None:
                self._look(f"load {number}", ds, certain, seen)
                certain, seen = list(self.record.certain), self.record.seen
                ds.refresh()
                self._look(f"refresh {number}", ds, certain, seen)

    def _look(self, who: str, ds: reelbase.Dataset, certain: list[int], seen: int) -> None:
        version = int(ds.history.current.ref.rpartition("@")[2])
        rows = [int(view.numpy()) for view in ds.n]
        self.record.check(who, rows, version, certain, seen)

    def _keep_up(self) -> None:
        """Compact, expire and collect; what is refused, because listings are behind or denied, is no problem."""
        for what in self.schedule.random.sample(["compact", "expire", "gc", "gc", "verify"], 4):
            ds = self._load()
            if ds is None:
                continue
            try:
                if what == "compact":
                    ds.maintenance.compact()
                elif what == "expire":
                    ds.maintenance.expire(keep=1)
                elif what == "gc":
                    ds.maintenance.gc(GRACE)
                else:
                    ds.maintenance.verify()
            except ReelbaseError:
                continue

    def _end(self) -> None:
        """When all is quiet, everything is there once, and every version is complete."""
        self._show_all(True)
        ds = reelbase.load(URL)
        self._look("the end", ds, list(self.record.certain), self.record.seen)
        self.record.problems += map(str, ds.maintenance.verify(deep=True).damages)
        ds.maintenance.gc(GRACE)
        self._look("after gc", reelbase.load(URL), list(self.record.certain), self.record.seen)


def main(first: int, count: int) -> None:
    """Try many seeds; print those with problems."""
    steps, kinds = 0, Counter[Any]()
    for seed in range(first, first + count):
        tried = Interleaving(seed)
        problems = tried.run()
        steps, kinds[tried.kind] = steps + tried.schedule.steps, kinds[tried.kind] + 1
        if problems:
            print(seed, tried.kind, *problems[:5], sep="\n")
    print(f"{count} interleavings, {steps} operations, {dict(kinds)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

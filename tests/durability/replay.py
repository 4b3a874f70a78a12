"""Run one step of the history with a fault at one operation, and judge what is left."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from door import Clock, serving, small_blobs
from model import difference, glance, glance_of, look_at
from model import rows as rows_of
from places import ModelPlace, Place, RealPlace
from rivals import Rival
from stories import STORIES
from story import Step
from trials import MEETINGS, TRIALS, Trial

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.contracts.storage import Storage
from reelbase.errors import CommitOutcomeUnknownError, ReelbaseError
from reelbase.testing import FaultyStorage, Stopped
from reelbase.testing.faults import Call, StopAfter

_IDS_OF_ANOTHER_PROCESS = 1 << 64
_ID = re.compile(r"(?<=/)([0-9a-f]{2}/)?[0-9a-f]{32}")


@dataclass(frozen=True)
class Moment:
    """Where the history stands before a step.

    Attributes:
        step: That comes next.
        objects: In the storage.
        model: Of the dataset.
        calls: The operations that the step makes when nothing fails.
    """

    step: Step
    objects: Mapping[str, bytes]
    model: ModelPlace
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Ended:
    """How a step ended.

    Attributes:
        place: It was run on.
        done: Calls that were acknowledged.
        hit: The call, counted from 0, during which the fault happened.
        error: What came out of the one after them, if anything did.
    """

    place: RealPlace
    done: int
    hit: int
    error: BaseException | None

    @property
    def dead(self) -> bool:
        """Whether the process died."""
        return isinstance(self.error, Stopped)

    def doubtful(self, step: Step) -> bool:
        """Whether the call under way may stand or not."""
        return (
            self.dead or isinstance(self.error, CommitOutcomeUnknownError) or (step.in_parts and self.error is not None)
        )


@contextmanager
def memory() -> Iterator[MemoryStorage]:
    """A storage for one test."""
    storage = MemoryStorage(f"mem://crash-{uuid.uuid4().hex}")
    try:
        yield storage
    finally:
        restore(storage, {})


def restore(storage: Storage, objects: Mapping[str, bytes]) -> None:
    """Put back what stood there."""
    for key, _ in storage.list():
        if key not in objects:
            storage.delete(key)
        elif storage.get(key) is not objects[key]:
            storage.put(key, objects[key])
    for key in objects.keys() - {key for key, _ in storage.list()}:
        storage.put(key, objects[key])


@cache
def history(story: str) -> dict[str, Moment]:
    """A whole story, run once without faults and checked at each step; by the name of the step."""
    moments: dict[str, Moment] = {}
    model = ModelPlace()
    with memory() as storage:
        for step in STORIES[story].steps:
            objects = {key: storage.get(key) for key, _ in storage.list()}
            faulty = FaultyStorage(storage)
            ended = _drive(step, faulty, existing=bool(objects))
            if ended.error is not None:
                raise ended.error
            moments[step.name] = Moment(step, objects, model.copy(), tuple(faulty.calls))
            for _ in step.acts(model):
                pass
            model = model.copy()  # which is on main, as one does that is opened
            found = look_at(storage.root)
            assert found == model.shown(), f"{step.name} without faults: {difference(found, model.shown())}"
    return moments


def points(moment: Moment) -> Iterator[tuple[Trial | Rival, int]]:
    """Everything that can go wrong in a step: each fault at each operation that it fits."""
    for number, call in enumerate(moment.calls):
        yield from ((trial, number) for trial in TRIALS if trial.fits(call))
        yield from ((one.rival, number) for one in MEETINGS if one.rival.possible(moment.model))


State = frozenset[tuple[str, bytes]]
Result = TypeVar("Result")


class Looks:
    """What another process sees in a storage, by the objects that are in it: faults leave the same ones many times."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[tuple[State, object], Any] = {}

    def see(self, what: object, look: Callable[[], Result]) -> Result:
        """Return what `look` returns, or returned when the storage held just these objects.

        Args:
            what: Names what it looks at.
            look: Depends on nothing but `what` and the objects in the storage.
        """
        state = frozenset((key, self._storage.get(key)) for key, _ in self._storage.list())
        if (state, what) not in self._known:
            self._known[state, what] = look()
        found: Result = self._known[state, what]
        return found


class Replay:
    """One step, one fault, one operation.

    Attributes:
        problems: What is wrong with what came of it.
    """

    def __init__(self, looks: Looks, storage: Storage, moment: Moment, what: Trial | Rival, at: int) -> None:
        self._looks = looks
        self._storage = storage
        self._moment = moment
        self._rival = what if isinstance(what, Rival) else None
        self._trial = self._meeting(what) if isinstance(what, Rival) else what
        self._at = at
        self.problems: list[str] = []

    def run(self) -> list[str]:
        """Do it; what is wrong."""
        restore(self._storage, self._moment.objects)
        faulty = FaultyStorage(self._storage)
        self._clock = Clock()
        with self._clock.ticking():
            ended = _drive(
                self._moment.step, faulty, existing=bool(self._moment.objects), trial=(self._trial, self._at)
            )
            self._check_call(faulty)
            self._check_error(ended)
            if not ended.dead:
                faulty.heal()
            with serving(faulty):
                found = self._check_found(ended)
                if found is not None:
                    self._check_going_on(ended, found, faulty)
        return [f"{self._trial.name} at {self._at} ({self._called}): {one}" for one in self.problems]

    @property
    def _called(self) -> str:
        call = self._moment.calls[self._at]
        return f"{call.kind} {call.key}"

    def _meeting(self, rival: Rival) -> Trial:
        def act() -> None:
            place = RealPlace(self._storage.root)
            try:
                place.find()
                rival.act(place)
            except Exception as error:
                self.problems.append(f"the other writer gets {type(error).__name__}: {error}")

        meeting = next(one for one in MEETINGS if one.rival is rival)
        return meeting.trial(act, meets=not self._moment.step.meets.isdisjoint({rival.meets, "all"}))

    def _check_call(self, faulty: FaultyStorage) -> None:
        """The fault must have happened where it was meant to."""
        made = [_shape(call) for call in faulty.calls[: self._at + 1]]
        planned = [_shape(call) for call in self._moment.calls[: self._at + 1]]
        if faulty.struck is None or made != planned:
            self.problems.append(f"the replay went another way: {made[-3:]}, not {planned[-3:]}")

    def _check_error(self, ended: Ended) -> None:
        allowed = self._trial.may_raise(self._moment.calls[self._at])
        error = ended.error
        if error is None or ended.dead:
            return
        if not isinstance(error, allowed) or not isinstance(error, ReelbaseError):
            self.problems.append(f"raised {type(error).__name__}: {error}")
        elif len(str(error).splitlines()) < 2:
            self.problems.append(f"the error does not say what to do: {error}")

    def _check_found(self, ended: Ended) -> ModelPlace | None:
        """What is there now, seen by another process, must be one of what may be there."""
        self._check_kept()
        found = self._looks.see("all", lambda: look_at(self._storage.root))
        right = [one for one in self._outcomes(ended) if one.shown() == found]
        if not right:
            wanted = " or ".join(difference(found, one.shown()) for one in self._outcomes(ended))
            self.problems.append(f"after {_brief(ended)} {wanted}")
            return None
        if not ended.dead and self._rival is None:
            self._check_own_view(ended, right[0])
        return right[0]

    def _check_kept(self) -> None:
        """What was committed before must are as it did."""
        if self._moment.step.deletes:
            return
        there = {key for key, _ in self._storage.list()}
        for key, data in self._moment.objects.items():
            if not key.endswith("/latest") and (key not in there or self._storage.get(key) != data):
                self.problems.append(f"{key}, which was committed, was changed or deleted")

    def _check_own_view(self, ended: Ended, model: ModelPlace) -> None:
        """The writer itself sees what is there."""
        if ended.place.ds is None:
            ended.place.find()
        elif ended.doubtful(self._moment.step):
            ended.place.ds.refresh()
        if ended.place.ds is None or model.ds is None:
            if ended.place.ds is not model.ds:
                self.problems.append(f"after {_brief(ended)} the writer sees another state: {model.shown()}")
            return
        mine = glance(ended.place.ds)
        theirs = glance_of(model.ds.branches[ended.place.ds.history.branch].shown())
        if mine != theirs:
            self.problems.append(f"after {_brief(ended)} the writer sees another state: {difference(mine, theirs)}")

    def _outcomes(self, ended: Ended) -> Iterator[ModelPlace]:
        """What may be there: all that was acknowledged, and of the call under way all or nothing."""
        for count in {ended.done, ended.done + 1} if ended.doubtful(self._moment.step) else {ended.done}:
            for turn in self._turns(ended.hit, count):
                with suppress(ReelbaseError):  # in this order one of them would have to give way
                    yield self._outcome(count, turn)

    def _turns(self, hit: int, count: int) -> set[int]:
        """Before which of `count` calls another writer may have come, if it came during number `hit`."""
        if self._rival is None:
            return {-1}
        if hit < count and self._rival.meets in self._moment.step.meets:
            return {hit + 1}
        return {min(hit, count), min(hit + 1, count)}

    def _outcome(self, count: int, turn: int = -1) -> ModelPlace:
        """The model after `count` calls, the rival's coming before number `turn`."""
        place = self._moment.model.copy()
        acts = self._moment.step.acts(place)
        for number in range(count + 1):
            if number == turn and self._rival is not None:
                with place.on_main():
                    self._rival.act(place)
            if number < count:
                next(acts)
        return place

    def _check_going_on(self, ended: Ended, model: ModelPlace, faulty: FaultyStorage) -> None:
        """The next writes work and are read back: by the same dataset, or after a death by another process."""
        writer = ended.place
        if ended.dead:
            writer, model = RealPlace(self._storage.root), model.copy()
            self._clock.count_from(_IDS_OF_ANOTHER_PROCESS)
        try:
            if writer.ds is None:
                writer.find()
            go_on(writer)
        except Exception as error:
            self.problems.append(f"after {_brief(ended)} the next write raises {type(error).__name__}: {error}")
            return
        go_on(model)
        self._check_next(ended, model, "the next write")
        if ended.dead and self._trial.late:
            faulty.land()
            self._check_next(ended, model, "a write that comes late")

    def _check_next(self, ended: Ended, model: ModelPlace, what: str) -> None:
        after = f"after {_brief(ended)} and {what}"
        # Verifying costs most, and what stood before was compared byte by byte: so not after every other fault.
        deep = self._moment.step.deletes or isinstance(self._trial.fault(), StopAfter)
        ids, lengths, damages = self._looks.see(
            ("next", model.ds.on, deep), lambda: _look_again(self._storage.root, model.ds.on, deep=deep)
        )
        if ids != model.ds["id"].rows:
            self.problems.append(f"{after} {difference(ids, model.ds['id'].rows, 'id')}")
        if lengths != {name: len(tensor) for name, tensor in model.ds.tensors.items()}:
            self.problems.append(f"{after} the tensors have {lengths} rows")
        self.problems += [f"{after} verify says {damage}" for damage in damages]


def _look_again(root: str, ref: str, *, deep: bool) -> tuple[list[Any], dict[str, int], list[Any]]:
    """The rows of ``id`` at `ref`, the lengths of all tensors, and what `verify` finds, if it is to look."""
    ds = reelbase.load(root, ref=ref)
    lengths = {name: len(tensor) for name, tensor in ds.tensors.items()}
    return rows_of(ds["id"]), lengths, [*ds.maintenance.verify(deep=True).damages] if deep else []


def go_on(place: Place) -> None:
    """What the next writer does."""
    if place.ds is None:
        place.empty()
    if "id" not in place.ds:
        place.ds.create_tensor("id", dtype="int64")
    place.ds["id"].append(-1)


def _drive(step: Step, faulty: FaultyStorage, *, existing: bool, trial: tuple[Trial, int] | None = None) -> Ended:
    """Run a step on a dataset freshly opened; the fault is armed when it is open."""
    done, hit = 0, -1
    with small_blobs(), serving(faulty) as url:
        place = RealPlace(url)
        if existing:
            place.load()
        faulty.arm(trial[0].fault() if trial else None, at=trial[1] if trial else 0)
        try:
            for _ in step.acts(place):
                hit = done if hit < 0 and faulty.struck else hit
                done += 1
        except (Exception, Stopped) as error:
            return Ended(place, done, done if hit < 0 else hit, error)
    return Ended(place, done, hit, None)


def _shape(call: Call) -> tuple[str, str, bool]:
    return call.kind, _ID.sub("*", call.key), call.if_absent


def _brief(ended: Ended) -> str:
    how = "no error" if ended.error is None else type(ended.error).__name__
    return f"{ended.done} calls and {how}"

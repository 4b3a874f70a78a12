"""The power fails after any file operation of a scripted history: what was acknowledged is there, the rest is harmless.

See `disk` for what may are on a disk then. This is how a missing fsync shows; a killed process does not show it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch
from pathlib import Path

import pytest
from disk import Disk, TensorSource, Tree
from door import Clock, small_blobs
from media import clip
from model import difference, look_at
from places import ModelPlace, Place, RealPlace
from replay import go_on
from story_of_rows import picture

Act = Callable[[Place], None]
STATES = 300
ENOUGH = 20  # problems


class RollbackError(Exception):
    """Takes a transaction back."""


def make(place: Place) -> None:
    place.empty()


def create_tensors(place: Place) -> None:
    with place.ds as ds:
        ds.create_tensor("id", dtype="int64")
        ds.create_tensor("text", htype="text")
        ds.create_tensor("video", htype="video")
        ds.create_tensor("picture", sample_compression="png")


def append(place: Place) -> None:
    place.ds["id"].append(1)


def append_row(place: Place) -> None:
    place.ds.append({"id": 2, "text": "two", "video": None, "picture": picture(5)})


def append_blob(place: Place) -> None:
    place.ds["video"].append(clip())


def transaction(place: Place) -> None:
    with place.ds as ds:
        ds["id"].extend([3, 4])
        ds["text"].append("of a transaction")
        ds["video"][0] = clip()
        ds.info["rows"] = 4


def take_back(place: Place) -> None:
    try:
        with place.ds as ds:
            ds["video"].append(clip())
            raise RollbackError  # noqa: TRY301
    except RollbackError:
        pass


def update(place: Place) -> None:
    place.ds["id"][0] = 10


def delete(place: Place) -> None:
    place.ds["id"].pop(1)


def extend(place: Place) -> None:
    place.ds["id"].extend(range(100, 104))


def describe(place: Place) -> None:
    place.ds.info["words"] = [f"word {number}" for number in range(300)]  # too large for the commit itself


def open_again(place: Place) -> None:
    place.load()


def append_singly(place: Place) -> None:
    place.ds["text"].append("one of many")


def tag(place: Place) -> None:
    place.ds.history.tag("v1")


def branch(place: Place) -> None:
    place.ds.history.create_branch("work")


def compact(place: Place) -> None:
    place.ds.maintenance.compact()


def expire(place: Place) -> None:
    place.ds.maintenance.expire(keep=0)


def collect_garbage(place: Place) -> None:
    place.ds.maintenance.gc(timedelta(0))


ACTS: tuple[Act, ...] = (
    make, create_tensors, append, append, append_row, append_blob, transaction, take_back, open_again, append, update,
    delete, extend, describe, open_again, append_row, tag, append_blob, branch, compact, expire, collect_garbage,
    append_singly, append,
)  # fmt: skip


@dataclass(frozen=True)
class Film:
    """A history as it was recorded.

    Attributes:
        disk: What was done to the disk.
        ends: How many operations were done when each call was acknowledged.
        models: What is there after so many calls.
    """

    disk: Disk
    ends: list[int]
    models: list[ModelPlace]

    def states(self) -> Iterator[tuple[str, Tree, int, bool]]:
        """What may are on the disk, the calls acknowledged by then, and whether one more is under way."""
        seen = set()
        for number, point in enumerate(self.disk.points, 1):
            done = sum(end <= number for end in self.ends)
            under_way = done < len(self.ends) and (done == 0 or number > self.ends[done - 1])
            for tree in point.trees:
                key = (frozenset(tree.items()), done, under_way)
                if key not in seen:
                    seen.add(key)
                    yield f"{number}: {point.after}", tree, done, under_way


def film(folder: Path, acts: tuple[Act, ...], deaf: Callable[[str], bool] = lambda _: False) -> Film:
    """Run a history and record it. Time passes in it, so that every third call overwrites the hint."""
    folder.mkdir()
    disk, clock = Disk(folder, deaf), Clock()
    place, model = RealPlace(str(folder / "data")), ModelPlace()
    ends, models = [], [model.copy()]
    for act in acts:
        with small_blobs(), clock.ticking(), disk.recording():
            act(place)
        clock.wait(0.4)
        act(model)
        ends.append(len(disk.points))
        models.append(model.copy())
    disk.check()
    return Film(disk, ends, models)


def judge(taken: Film, folder: Path) -> tuple[int, list[str]]:
    """How many states there are, and what is wrong with them."""
    shelf, target = TensorSource(folder / "shelf"), folder / "state"
    count, problems = 0, []
    for where, tree, done, under_way in taken.states():
        shelf.make(tree, target)
        allowed = taken.models[done : done + 1 + under_way]
        problems += [f"{where}, after {done} calls: {problem}" for problem in _problems(target / "data", allowed)]
        count += 1
        if len(problems) >= ENOUGH:
            break
    return count, problems


def _problems(path: Path, allowed: list[ModelPlace]) -> list[str]:
    """What is wrong with a dataset in a folder."""
    try:
        found = look_at(str(path))
        right = [one for one in allowed if one.shown() == found]
        if not right:
            return [" or ".join(difference(found, one.shown()) for one in allowed)]
        model = right[0].copy()
        place = RealPlace(str(path))
        place.find()
        go_on(place)
        go_on(model)
        found = look_at(str(path))
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    return [] if found == model.shown() else [f"after an append {difference(found, model.shown())}"]


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at a state needs no fsync: the power does not fail again."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def test_every_operation(tmp_path: Path, no_sync: None, record_property: Callable[[str, object], None]) -> None:
    taken = film(tmp_path / "disk", ACTS)
    done = [point.after for point in taken.disk.points]
    for what, where in (("rename", "/latest"), ("rename", "/blobs/"), ("remove", "/blobs/"), ("link", "/log/main/"),
                        ("rename", "/index/"), ("mkdir", "data")):  # fmt: skip
        assert any(one.startswith(what) and where in one for one in done), f"the history has no {what} of {where}"
    count, problems = judge(taken, tmp_path)
    record_property("states after a power loss", count)
    assert count > STATES
    assert not problems, f"{len(problems)} problems in {count} states:\n" + "\n".join(problems)


MISSING = {
    "of every file": ".~",
    "of the folder that the dataset is in": ".",
    "of the dataset's folder": "data",
    "of the folder above that of the commits": "data/log/main",
    "of the commits' folder": "data/log/main/000000",
    "of the packs' folder": "data/packs",
    "of a pack's folder": "data/packs/??",
    "of the blobs' folder": "data/blobs",
    "of a blob's folder": "data/blobs/??",
}


@pytest.mark.parametrize("which", MISSING)
def test_a_missing_fsync_is_found(tmp_path: Path, no_sync: None, which: str) -> None:
    """Without this the test above could pass because it sees nothing."""

    def deaf(path: str) -> bool:
        return fnmatch(path.rpartition("/")[2][:2] if which == "of every file" else path, MISSING[which])

    taken = film(tmp_path / "disk", (make, create_tensors, append, append_blob), deaf)
    _, problems = judge(taken, tmp_path)
    assert problems

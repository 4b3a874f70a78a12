"""Versions as a user meets them: names, branches, tags, history, differences, reverts, writes that are done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

import reelbase
from reelbase.errors import (
    CommitConflictError,
    ReadOnlyError,
    SampleIndexError,
    TensorNotFoundError,
    TransactionError,
    UsageError,
    VersionExistsError,
    VersionExpiredError,
    VersionNotFoundError,
)


@pytest.fixture
def numbers(ds: reelbase.Dataset) -> reelbase.Dataset:
    """Tensor x holds 0, 1, 2."""
    ds.create_tensor("x", dtype="int64").extend([0, 1, 2])
    return ds


def test_commit_names_a_version(numbers: reelbase.Dataset, path: str) -> None:
    before = datetime.now(UTC)
    version = numbers.commit("first labels")
    assert (version.branch, version.seq, version.message, version.ref) == ("main", 2, "first labels", "main@2")
    assert (version.parent, version.merged, version.expired) == ("main@1", None, False)
    assert before <= version.time <= datetime.now(UTC)
    assert str(version) == "main@2"
    assert len(version.id) == 32
    assert numbers.history.current == version
    numbers.x.append(3)
    again = numbers.commit("nothing has changed since")
    assert again.seq == 4
    assert numbers.log() == [again, version] == reelbase.load(path).log()
    assert [one.message for one in numbers.log(all=True)] == [again.message, None, version.message, None, None]


@pytest.mark.parametrize("message", ["", "  \n", None, 3])
def test_a_message_says_something(numbers: reelbase.Dataset, message: object) -> None:
    with pytest.raises(UsageError, match="is not a message"):
        numbers.commit(message)
    assert numbers.log() == []


def test_before_the_first_version(ds: reelbase.Dataset) -> None:
    assert ds.log() == ds.log(all=True) == []
    assert ds.branches == ["main"]
    assert ds.history.tags == {}
    for ask in (lambda: ds.history.current, lambda: ds.history.tag("t")):
        with pytest.raises(VersionNotFoundError, match="no version yet"):
            ask()
    with pytest.raises(VersionNotFoundError, match="no version main@0"):
        ds.checkout("main@0")
    ds.history.create_branch("b")
    ds.create_tensor("x").append(1)
    ds.checkout("b")
    assert ds.tensors == {}
    ds.merge("main")
    assert ds.x.numpy().tolist() == [1]


def test_every_kind_of_ref(numbers: reelbase.Dataset, path: str) -> None:
    version = numbers.history.current
    numbers.history.tag("v1")
    numbers.history.create_branch("dev")
    numbers.x.append(3)
    for ref in (version, "main@1", "v1", version.id, version.id[:8], "dev", "dev@0"):
        assert reelbase.load(path, ref=ref).x.numpy().tolist() == [0, 1, 2]
        assert numbers.history.at(ref).x.numpy().tolist() == [0, 1, 2]
        other = reelbase.load(path)
        other.checkout(ref)
        assert other.x.numpy().tolist() == [0, 1, 2]
        assert numbers.diff(ref).tensors["x"].added.tolist() == [3]
    assert numbers.x.numpy().tolist() == [0, 1, 2, 3]
    assert reelbase.load(path, ref="main").x.numpy().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("devv", "Did you mean 'dev'"),
        ("v11", "Did you mean 'v1'"),
        ("zzz", "There are: main, dev, v1"),
        ("main@99", "no version main@99"),
        ("nowhere@0", "no version nowhere@0"),
        ("main@-1", "main@-1"),
        ("../../main", "no branch, tag or version"),
        ("", "no branch, tag or version ''"),
        ("0" * 32, "no branch, tag or version '0000"),
        ("Main", "Did you mean 'main'"),
    ],
)
def test_unknown_refs(numbers: reelbase.Dataset, path: str, ref: str, hint: str) -> None:
    numbers.history.create_branch("dev")
    numbers.history.tag("v1")
    for ask in (
        lambda: numbers.checkout(ref),
        lambda: numbers.history.at(ref),
        lambda: numbers.merge(ref),
        lambda: numbers.diff(ref),
        lambda: numbers.diff("main", ref),
        lambda: numbers.history.revert(ref),
        lambda: numbers.history.create_branch("new", ref),
        lambda: numbers.history.tag("new", ref),
        lambda: reelbase.load(path, ref=ref),
    ):
        with pytest.raises(VersionNotFoundError, match=hint):
            ask()
    assert numbers.branches == ["main", "dev"]
    assert numbers.history.branch == "main"
    numbers.x.append(3)


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "a/b", "Dev", "a" * 65, "a..b", "-a", ".a", "ä", "main@1", 3, None]
)
def test_names_that_nothing_can_have(numbers: reelbase.Dataset, name: object) -> None:
    for make in (numbers.history.create_branch, numbers.history.tag):
        with pytest.raises(UsageError, match="cannot name a branch or tag"):
            make(name)
    assert numbers.branches == ["main"]
    assert numbers.history.tags == {}


def test_names_that_are_taken(numbers: reelbase.Dataset) -> None:
    numbers.history.create_branch("b")
    numbers.history.tag("t")
    for name, what in (("main", "branch 'main'"), ("b", "branch 'b'"), ("t", "tag 't'")):
        for make in (numbers.history.create_branch, numbers.history.tag):
            with pytest.raises(VersionExistsError, match=f"There is a {what}"):
                make(name)
    assert numbers.branches == ["main", "b"]


def test_tags(numbers: reelbase.Dataset) -> None:
    numbers.history.tag("v1.0")
    numbers.x.append(3)
    numbers.history.tag("v1.1", "main@2")
    numbers.history.tag("old", "v1.0")
    assert numbers.history.tags == {"v1.0": "main@1", "v1.1": "main@2", "old": "main@1"}
    numbers.history.untag("v1.0")
    assert numbers.history.tags == {"v1.1": "main@2", "old": "main@1"}
    with pytest.raises(VersionNotFoundError, match=r"no tag 'v1.0'.*\n.*old"):
        numbers.history.untag("v1.0")
    numbers.history.tag("v1.0")
    assert numbers.history.tags["v1.0"] == "main@2"


def test_an_expired_version_cannot_be_built_on(numbers: reelbase.Dataset) -> None:
    for k in range(3):
        numbers.x.append(k)
    assert "main@1" in numbers.maintenance.expire(keep=1)
    assert numbers.history.at("main@1").x.numpy().tolist() == [0, 1, 2]
    for build in (
        lambda: numbers.history.tag("t", "main@1"),
        lambda: numbers.history.create_branch("b", "main@1"),
        lambda: numbers.history.revert("main@1"),
    ):
        with pytest.raises(VersionExpiredError, match="main@1 has expired"):
            build()
    assert numbers.history.tags == {}
    assert numbers.branches == ["main"]


def test_branches_go_their_own_ways(numbers: reelbase.Dataset, path: str) -> None:
    made = numbers.history.create_branch("dev")
    assert (made.ref, made.parent) == ("dev@0", "main@1")
    assert numbers.history.branch == "main"
    numbers.checkout("dev")
    assert (numbers.history.branch, numbers.read_only) == ("dev", False)
    numbers.x.append(3)
    numbers.commit("in dev")
    assert reelbase.load(path).x.numpy().tolist() == [0, 1, 2]
    assert reelbase.load(path, ref="dev").x.numpy().tolist() == [0, 1, 2, 3]
    numbers.checkout("main")
    assert numbers.log() == []
    numbers.x.pop(0)
    assert reelbase.load(path, ref="dev").x.numpy().tolist() == [0, 1, 2, 3]
    assert [one.ref for one in reelbase.load(path, ref="dev").log(all=True)] == [
        "dev@2",
        "dev@1",
        "dev@0",
        "main@1",
        "main@0",
    ]


def test_a_branch_from_an_older_version(numbers: reelbase.Dataset) -> None:
    numbers.x.append(3)
    numbers.checkout("main@1")
    numbers.history.create_branch("here")
    numbers.history.create_branch("there", "main@2")
    numbers.checkout("here")
    assert numbers.x.numpy().tolist() == [0, 1, 2]
    numbers.checkout("there")
    assert numbers.x.numpy().tolist() == [0, 1, 2, 3]


def test_a_version_can_only_be_read(numbers: reelbase.Dataset, path: str) -> None:
    numbers.x.append(3)
    numbers.history.tag("v1")
    pinned = [reelbase.load(path, ref="v1"), reelbase.load(path, ref="main@2"), reelbase.load(path)]
    pinned[2].checkout("v1")
    for one in pinned:
        assert one.read_only
        for write in (
            lambda one=one: one.x.append(4),
            lambda one=one: one.commit("no"),
            lambda one=one: one.merge("main"),
            lambda one=one: one.history.revert("main@1"),
            lambda one=one: one.maintenance.compact(),
            one.__enter__,
        ):
            with pytest.raises(ReadOnlyError, match=r"is at version main@2(.|\n)*create_branch"):
                write()
        one.refresh()
        assert one.history.current.ref == "main@2"
    pinned[2].checkout("main")
    pinned[2].x.append(5)
    assert pinned[0].x.numpy().tolist() == [0, 1, 2, 3]


def test_another_object_for_a_version(numbers: reelbase.Dataset) -> None:
    numbers.x.append(3)
    old = numbers.history.at("main@1")
    assert old.read_only
    with pytest.raises(ReadOnlyError):
        old.x.append(4)
    assert (old.history.current.ref, numbers.history.current.ref) == ("main@1", "main@2")
    numbers.x.append(4)
    assert old.x.numpy().tolist() == [0, 1, 2]


def test_a_read_only_dataset_makes_no_names(numbers: reelbase.Dataset, path: str) -> None:
    numbers.history.tag("t")
    loaded = reelbase.load(path, read_only=True)
    loaded.checkout("main")
    for write in (
        lambda: loaded.history.create_branch("b"),
        lambda: loaded.history.tag("u"),
        lambda: loaded.history.untag("t"),
        lambda: loaded.commit("no"),
        lambda: loaded.x.append(1),
    ):
        with pytest.raises(ReadOnlyError, match="open read-only"):
            write()
    assert loaded.history.tags == {"t": "main@1"}


def test_inside_a_transaction(numbers: reelbase.Dataset) -> None:
    numbers.history.create_branch("dev")
    with numbers:
        numbers.x.append(3)
        for act in (
            lambda: numbers.commit("no"),
            lambda: numbers.checkout("dev"),
            lambda: numbers.merge("dev"),
            lambda: numbers.history.revert("main@0"),
            lambda: numbers.maintenance.compact(),
            numbers.refresh,
            numbers.__enter__,
        ):
            with pytest.raises(TransactionError):
                act()
    assert numbers.x.numpy().tolist() == [0, 1, 2, 3]
    assert numbers.history.current.seq == 2


def test_readers_stay_where_they_are(numbers: reelbase.Dataset, path: str) -> None:
    reader, view = reelbase.load(path), numbers.x[:]
    numbers.x[0] = 9
    numbers.x.pop(1)
    numbers.history.revert("main@0")
    numbers.delete_tensor("x")
    numbers.maintenance.compact()
    assert reader.x.numpy().tolist() == view.numpy().tolist() == [0, 1, 2]
    reader.refresh()
    assert reader.tensors == {}
    with pytest.raises(TensorNotFoundError):
        reader.x  # noqa: B018


def test_diff(numbers: reelbase.Dataset) -> None:
    numbers.create_tensor("y").append(1)
    numbers.create_tensor("z").append(1)
    numbers.info.update(a=1, b=2)
    old = numbers.history.current
    numbers.x.extend([3, 4])
    numbers.x[1] = 10
    numbers.x.pop(0)
    numbers.x.pop(-1)
    numbers.rename_tensor("y", "g/y")
    numbers["g/y"].info["unit"] = "m"
    numbers.delete_tensor("z")
    numbers.create_tensor("w").extend([5, 6])
    numbers.info["a"] = 2
    del numbers.info["b"]
    found = numbers.diff(old)
    assert (found.a, found.b) == (old.ref, numbers.history.current.ref)
    assert (found.created, found.dropped, found.renamed) == (("w",), ("z",), {"y": "g/y"})
    assert sorted(found.info) == ["a", "b", "g/y/unit"]
    rows = {
        name: [part.tolist() for part in (one.added, one.updated, one.deleted)] for name, one in found.tensors.items()
    }
    assert rows == {"x": [[2], [0], [0]], "w": [[0, 1], [], []]}
    back = numbers.diff("main", old)
    assert (back.created, back.dropped, back.renamed) == (("z",), ("w",), {"g/y": "y"})
    assert [part.tolist() for part in (back.tensors["x"].added, back.tensors["x"].deleted)] == [[0], [2]]
    text = str(found)
    for line in ("tensor created: w", "tensor deleted: z", "tensor renamed: y -> g/y", "info changed: a"):
        assert line in text
    assert "x: 1 added, 1 updated, 1 deleted" in text


def test_no_difference(numbers: reelbase.Dataset) -> None:
    old = numbers.history.current
    numbers.x[0] = 5
    numbers.x[0] = 0
    numbers.x.append(3)
    numbers.x.pop()
    found = numbers.diff(old)
    assert not found
    assert found.tensors == {}
    assert "no difference" in str(found)
    assert not numbers.diff("main", "main")


def test_revert(numbers: reelbase.Dataset) -> None:
    numbers.info["k"] = 1
    numbers.history.tag("good")
    numbers.x[0] = 9
    numbers.x.append(3)
    numbers.x.pop(1)
    numbers.info["k"] = 2
    numbers.rename_tensor("x", "y")
    numbers.create_tensor("z")
    before = numbers.history.current
    version = numbers.history.revert("good", "that was wrong")
    assert (version.message, version.parent) == ("that was wrong", before.ref)
    assert list(numbers.tensors) == ["x"]
    assert numbers.x.numpy().tolist() == [0, 1, 2]
    assert dict(numbers.info) == {"k": 1}
    assert not numbers.diff("good")
    numbers.x.append(4)
    assert numbers.history.revert(before).message == f"Revert to {before.ref}"
    assert numbers["y"].numpy().tolist() == [9, 2, 3]


def test_a_revert_brings_a_tensor_back(numbers: reelbase.Dataset) -> None:
    held, old = numbers.x, numbers.history.current
    numbers.delete_tensor("x")
    with pytest.raises(TensorNotFoundError):
        len(held)
    numbers.history.revert(old)
    assert held.numpy().tolist() == [0, 1, 2]
    held.append(3)
    assert [one.tolist() for one in (numbers.diff(old).tensors["x"].added, numbers.diff(old).tensors["x"].deleted)] == [
        [3],
        [],
    ]


def test_a_revert_to_nothing(numbers: reelbase.Dataset) -> None:
    numbers.history.revert("main@0")
    assert len(numbers.x) == 0
    numbers.x.append(7)
    assert numbers.x.numpy().tolist() == [7]


def test_a_revert_across_the_start_of_a_branch(numbers: reelbase.Dataset) -> None:
    numbers.x.append(3)
    numbers.history.create_branch("dev")
    numbers.checkout("dev")
    numbers.delete_tensor("x")
    numbers.history.revert("main@1")
    assert numbers.x.numpy().tolist() == [0, 1, 2]
    assert numbers.diff("main").tensors["x"].deleted.tolist() == [3]
    numbers.checkout("main")
    with pytest.raises(UsageError, match=r"'main' does not build on dev@0(.|\n)*log"):
        numbers.history.revert("dev@0")
    numbers.merge("dev")
    assert numbers.x.numpy().tolist() == [0, 1, 2]


def test_numbered_writes_are_done_once(numbers: reelbase.Dataset, path: str) -> None:
    assert numbers.append({"x": 3}, txn=("job", 1))
    assert not numbers.append({"x": 3}, txn=("job", 1))
    assert numbers.extend({"x": [4, 5]}, txn=("job", 2))
    assert numbers.append({"x": 6}, txn=("another", 1))
    loaded = reelbase.load(path)
    before = loaded.history.current
    assert not loaded.extend({"x": [4, 5]}, txn=("job", 2))
    assert not loaded.append({"x": 3}, txn=("job", 1))
    assert loaded.history.current == before
    assert loaded.append({"x": 7}, txn=("job", 10))
    assert loaded.x.numpy().tolist() == [*range(8)]


@pytest.mark.parametrize("txn", ["job", ("job",), ("job", "1"), ("job", 1.5), 3, ("a", 1, 2)])
def test_wrong_numbers(numbers: reelbase.Dataset, txn: object) -> None:
    with pytest.raises(UsageError, match=r"txn=.*not a name and a number"):
        numbers.append({"x": 1}, txn=txn)
    assert len(numbers.x) == 3


def test_the_same_number_from_two_writers(numbers: reelbase.Dataset, path: str) -> None:
    one, two = reelbase.load(path), reelbase.load(path)
    assert one.append({"x": 3}, txn=("job", 1))
    assert not two.append({"x": 3}, txn=("job", 1))
    assert two.x.numpy().tolist() == [0, 1, 2, 3]
    assert two.append({"x": 4}, txn=("job", 2))
    with pytest.raises(CommitConflictError, match=r"number 2 of 'job'(.|\n)*done already"), one:
        assert one.append({"x": 4}, txn=("job", 2))
        assert one.append({"x": 5}, txn=("job", 3))
    assert reelbase.load(path).x.numpy().tolist() == [0, 1, 2, 3, 4]


def test_numbered_writes_of_threads(numbers: reelbase.Dataset, path: str) -> None:
    done: list[int] = []

    def work() -> None:
        ds = reelbase.load(path)
        done.extend(number for number in range(1, 21) if ds.append({"x": 100 + number}, txn=("job", number)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    held = reelbase.load(path).x.numpy().tolist()
    assert sorted(held[3:]) == [100 + number for number in sorted(done)]
    assert len(set(held)) == len(held)
    assert max(done) == 20


def test_numbers_in_a_transaction(numbers: reelbase.Dataset) -> None:
    with pytest.raises(ZeroDivisionError), numbers:
        assert numbers.append({"x": 3}, txn=("job", 1))
        raise ZeroDivisionError
    with numbers:
        assert numbers.append({"x": 3}, txn=("job", 1))
        assert not numbers.append({"x": 3}, txn=("job", 1))
        assert numbers.append({"x": 4}, txn=("job", 2))
    assert numbers.x.numpy().tolist() == [0, 1, 2, 3, 4]


def _fives(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend(range(5))
    ds.create_tensor("y").extend(range(10, 13))


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        (1, [0, 2, 3, 4]),
        (-1, [0, 1, 2, 3]),
        (np.int64(0), [1, 2, 3, 4]),
        (slice(1, 4), [0, 4]),
        (slice(None, None, 2), [1, 3]),
        (slice(7, 9), [0, 1, 2, 3, 4]),
        ([0, -1], [1, 2, 3]),
        ([3, 1], [0, 2, 4]),
        ([], [0, 1, 2, 3, 4]),
        (np.array([2, 0]), [1, 3, 4]),
        ([True, False, True, False, False], [1, 3, 4]),
        (np.zeros(5, bool), [0, 1, 2, 3, 4]),
        (slice(None), []),
    ],
)
def test_delete_rows(ds: reelbase.Dataset, path: str, rows: object, left: list[int]) -> None:
    _fives(ds)
    ds.delete_rows(rows)
    for one in (ds, reelbase.load(path)):
        assert [int(row.numpy()) for row in one.x] == left
        assert [int(row.numpy()) for row in one.y] == [10 + k for k in left if k < 3]


@pytest.mark.parametrize("rows", [5, -6, [0, 5], [True], "x", 1.5, (0, 1), None])
def test_delete_rows_that_are_none(ds: reelbase.Dataset, rows: object) -> None:
    _fives(ds)
    before = ds.history.current
    with pytest.raises(SampleIndexError):
        ds.delete_rows(rows)
    assert ds.history.current == before


def test_pop_rows(ds: reelbase.Dataset) -> None:
    _fives(ds)
    ds.pop(1)
    ds.pop()
    assert (ds.x.numpy().tolist(), ds.y.numpy().tolist()) == ([0, 2, 3], [10, 12])
    ds.delete_rows(slice(None))
    with pytest.raises(SampleIndexError):
        ds.pop()


@pytest.mark.parametrize(
    ("key", "new", "then"),
    [
        (slice(1, 3), [9, 8], [0, 9, 8]),
        (slice(None), [7, 8, 9], [7, 8, 9]),
        (slice(None, None, -1), [7, 8, 9], [9, 8, 7]),
        ([2, 0], [5, 6], [6, 1, 5]),
        ([True, False, True], np.array([5, 6]), [5, 1, 6]),
        (-1, 9, [0, 1, 9]),
        (slice(3, None), [], [0, 1, 2]),
    ],
)
def test_several_rows_replaced(numbers: reelbase.Dataset, path: str, key: object, new: object, then: list[int]) -> None:
    before = numbers.history.current.seq
    numbers.x[key] = new
    assert numbers.x.numpy().tolist() == then == reelbase.load(path).x.numpy().tolist()
    assert numbers.history.current.seq == before + (then != [0, 1, 2])


@pytest.mark.parametrize(
    ("write", "error", "words"),
    [
        (lambda x: x.__setitem__(slice(0, 2), [1]), UsageError, "1 value for 2 rows"),
        (lambda x: x.__setitem__(slice(0, 2), [1, 2, 3]), UsageError, "3 values for 2 rows"),
        (lambda x: x.__setitem__(slice(0, 2), 5), UsageError, "many samples"),
        (lambda x: x.__setitem__(slice(0, 2), [5, "a"]), ValueError, "'a'"),
        (lambda x: x.__setitem__((slice(0, 2), 0), [1, 2]), UsageError, "parts of several samples"),
        (lambda x: x.__setitem__([1, -2], [5, 6]), UsageError, "Row 1 is named twice"),
        (lambda x: x.pop([0, 0]), UsageError, "Row 0 is named twice"),
        (lambda x: x.__setitem__(3, 1), SampleIndexError, "Row 3"),
        (lambda x: x.__setitem__([0, -4], [1, 2]), SampleIndexError, "-4"),
    ],
)
def test_wrong_replacements(
    numbers: reelbase.Dataset, write: Callable[[reelbase.Tensor], None], error: type[Exception], words: str
) -> None:
    before = numbers.history.current
    with pytest.raises(error, match=words):
        write(numbers.x)
    assert numbers.x.numpy().tolist() == [0, 1, 2]
    assert numbers.history.current == before

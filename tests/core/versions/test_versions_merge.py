"""Merges, and writers that are behind: what goes together, and what is a conflict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from versions_model import values

import reelbase
from reelbase.errors import CommitConflictError, HtypeError

Write = Callable[[reelbase.Dataset], object]


@pytest.fixture
def both(ds: reelbase.Dataset) -> reelbase.Dataset:
    """Branches main and dev, each with 0, 1, 2 in x; it is on main."""
    ds.create_tensor("x", dtype="int64").extend([0, 1, 2])
    ds.history.create_branch("dev")
    return ds


def on(ds: reelbase.Dataset, branch: str, *writes: Write) -> reelbase.Dataset:
    """Write on a branch; another dataset object, which is there."""
    there = reelbase.load(ds.path, ref=branch)
    for write in writes:
        write(there)
    ds.refresh()
    return there


def test_a_merge(both: reelbase.Dataset) -> None:
    dev = on(both, "dev", lambda d: d.x.extend([10, 11]), lambda d: d.x.pop(0), lambda d: d.x.__setitem__(0, 100))
    on(both, "main", lambda m: m.x.append(3))
    version = both.merge("dev", "bring it in")
    assert (version.message, version.merged, version.parent) == ("bring it in", dev.history.current.ref, "main@2")
    assert both.x.numpy().tolist() == [100, 2, 3, 10, 11]
    assert both.log() == [version]
    assert both.merge("dev") == version
    assert dev.merge("main").message == "Merge main"
    assert dev.x.numpy().tolist() == [100, 2, 10, 11, 3]
    assert not any((one.added.size, one.deleted.size) for one in dev.diff("main").tensors.values())


def test_a_merge_of_a_part(both: reelbase.Dataset) -> None:
    dev = on(both, "dev", lambda d: d.x.append(3), lambda d: d.history.tag("here"), lambda d: d.x.append(4))
    assert both.merge("here").merged == "dev@1"
    assert both.x.numpy().tolist() == [0, 1, 2, 3]
    assert both.merge("dev@0").ref == both.merge("dev@1").ref == "main@2"
    assert both.merge(dev.history.current).ref == "main@3"
    assert both.x.numpy().tolist() == [0, 1, 2, 3, 4]


def test_nothing_to_merge(both: reelbase.Dataset) -> None:
    assert both.merge("main").ref == "main@1"
    assert both.merge("main@0").ref == "main@1"
    dev = on(both, "dev", lambda d: d.x.append(3))
    assert dev.merge("main").ref == "dev@1"


def test_a_merge_of_a_stale_writer(both: reelbase.Dataset) -> None:
    on(both, "dev", lambda d: d.x.append(10))
    stale = reelbase.load(both.path)
    both.x.append(3)
    assert stale.merge("dev").ref == "main@3"
    assert stale.x.numpy().tolist() == [0, 1, 2, 3, 10]


def test_three_branches_meet_everywhere(both: reelbase.Dataset) -> None:
    both.history.create_branch("third")
    dev = on(both, "dev", lambda d: d.x.append(10), lambda d: d.x.__setitem__(0, 100))
    third = on(both, "third", lambda t: t.x.append(20), lambda t: t.x.pop(1))
    third.merge("dev")
    assert third.x.numpy().tolist() == [100, 2, 20, 10]
    dev.x[0] = 200
    both.merge("third")
    both.merge("dev")
    assert both.x.numpy().tolist() == [200, 2, 20, 10]
    for one in (dev, third):
        one.merge("main")
        assert sorted(one.x.numpy().tolist()) == [2, 10, 20, 200]
        assert not one.diff("main")


def test_schemas_and_metadata_come_along(both: reelbase.Dataset) -> None:
    both.create_tensor("old").append(1)
    both.info.update(a=1, b=1, c=1)
    on(both, "dev", lambda d: d.merge("main"))
    on(
        both,
        "dev",
        lambda d: d.create_tensor("new", htype="sequence[generic]").append([[1], [2]]),
        lambda d: d.rename_tensor("x", "g/x"),
        lambda d: d.delete_tensor("old"),
        lambda d: d.info.update(a=2, d=2),
        lambda d: d.info.pop("b"),
        lambda d: d["new"].info.update(unit="m"),
    )
    on(both, "main", lambda m: m.create_tensor("ours").append(5), lambda m: m.info.update(c=3))
    both.merge("dev")
    assert sorted(both.tensors) == ["g/x", "new", "ours"]
    assert dict(both.info) == {"a": 2, "c": 3, "d": 2}
    assert dict(both["new"].info) == {"unit": "m"}
    assert both["g/x"].numpy().tolist() == [0, 1, 2]
    assert both["new"][0].numpy().tolist() == [[1], [2]]


def test_metadata_of_a_tensor_that_was_dropped(both: reelbase.Dataset) -> None:
    on(both, "dev", lambda d: d.x.info.update(k=1), lambda d: d.delete_tensor("x"))
    both.merge("dev")
    assert both.tensors == {}


CONFLICTS: dict[str, tuple[Write, Write, str]] = {
    "the same row": (lambda m: m.x.__setitem__(1, 5), lambda d: d.x.__setitem__(1, 6), "row 1 .*of 'x'"),
    "a row of a slice": (
        lambda m: m.x.__setitem__(slice(0, 2), [5, 6]),
        lambda d: d.x.__setitem__(slice(1, 3), [7, 8]),
        "row 1 .*of 'x'",
    ),
    "updated and deleted": (lambda m: m.x.__setitem__(1, 5), lambda d: d.x.pop(1), "row 1 .*of 'x'"),
    "deleted and updated": (lambda m: m.delete_rows([1]), lambda d: d.x.__setitem__(1, 5), "row 1 .*of 'x'"),
    "dropped and appended": (lambda m: m.delete_tensor("x"), lambda d: d.x.append(5), "dropped tensor 'x'"),
    "appended and dropped": (lambda m: m.x.append(5), lambda d: d.delete_tensor("x"), "dropped tensor 'x'"),
    "dropped and described": (
        lambda m: m.delete_tensor("x"),
        lambda d: d.x.info.update(k=1),
        "dropped tensor 'x'",
    ),
    "the same name": (lambda m: m.create_tensor("y"), lambda d: d.create_tensor("y"), "created a tensor 'y'"),
    "renamed to a new one": (
        lambda m: m.create_tensor("y"),
        lambda d: d.rename_tensor("x", "y"),
        "(Two tensors would be named|created a tensor) 'y'",
    ),
    "renamed twice": (
        lambda m: m.rename_tensor("x", "y"),
        lambda d: d.rename_tensor("x", "z"),
        "renamed a tensor, to '[yz]' and '[yz]'",
    ),
    "the same key": (lambda m: m.info.update(k=1), lambda d: d.info.update(k=2), "metadata key 'k'"),
    "the same key of a tensor": (
        lambda m: m.x.info.update(k=1),
        lambda d: d.x.info.update(k=2),
        "metadata key 'k' of 'x'",
    ),
    "a key written and removed": (lambda m: m.info.update(old=2), lambda d: d.info.pop("old"), "key 'old'"),
}


@pytest.mark.parametrize(("ours", "theirs", "words"), CONFLICTS.values(), ids=list(CONFLICTS))
def test_conflicts(ds: reelbase.Dataset, ours: Write, theirs: Write, words: str) -> None:
    ds.create_tensor("x", dtype="int64").extend([0, 1, 2])
    ds.info["old"] = 1
    ds.history.create_branch("dev")
    dev, main = on(ds, "dev", theirs), on(ds, "main", ours)
    before = [(one.history.current, {name: values(t) for name, t in one.tensors.items()}) for one in (main, dev)]
    for one, other in ((main, "dev"), (dev, "main")):
        with pytest.raises(CommitConflictError, match=rf"{words}(.|\n)*merge again; nothing was changed"):
            one.merge(other)
    assert before == [
        (one.history.current, {name: values(t) for name, t in one.tensors.items()}) for one in (main, dev)
    ]


def test_a_conflict_is_solved_by_making_both_alike(both: reelbase.Dataset) -> None:
    dev = on(both, "dev", lambda d: d.x.__setitem__(1, 6), lambda d: d.x.append(3))
    both.x[1] = 5
    with pytest.raises(CommitConflictError):
        both.merge("dev")
    both.x[1] = 6
    both.merge("dev")
    assert both.x.numpy().tolist() == [0, 6, 2, 3]
    dev.merge("main")
    both.x[1] = 7
    dev.merge("main")
    assert dev.x.numpy().tolist() == [0, 7, 2, 3]


def test_what_both_did_alike_is_no_conflict(both: reelbase.Dataset) -> None:
    same: list[Write] = [
        lambda d: d.x.__setitem__(0, 9),
        lambda d: d.x.pop(1),
        lambda d: d.info.update(k=[1, 2]),
        lambda d: d.rename_tensor("x", "y"),
    ]
    on(both, "dev", *same)
    on(both, "main", *same)
    both.merge("dev")
    assert both["y"].numpy().tolist() == [9, 2]


def test_no_sample_is_no_sample_however_it_is_stored(ds: reelbase.Dataset) -> None:
    """A short gap lies within a chunk, a row that was set to None is a patch, and compaction makes one of the other."""
    ds.create_tensor("x", dtype="int64").extend([0, None, 2])
    ds.history.create_branch("dev")
    old = ds.history.current
    dev = on(ds, "dev", lambda d: d.x.__setitem__(1, None))
    ds.x[1] = 7
    ds.history.revert(old)
    assert not ds.diff("dev", "main")
    ds.merge("dev")
    assert values(ds.x) == [0, None, 2]
    dev.maintenance.compact()
    assert not dev.diff("main", "dev")


def test_dtypes_that_differ(both: reelbase.Dataset) -> None:
    both.create_tensor("y")
    dev = on(both, "dev", lambda d: d.merge("main"), lambda d: d.y.append(np.int32(1)))
    both.y.append(np.float32(1))
    for one, other in ((both, "dev"), (dev, "main")):
        before = one.history.current
        with pytest.raises(HtypeError, match="Tensor 'y' became"):
            one.merge(other)
        assert one.history.current == before


def test_a_dtype_comes_along(both: reelbase.Dataset) -> None:
    both.create_tensor("y")
    on(both, "dev", lambda d: d.merge("main"), lambda d: d.y.append(np.int32(1)))
    both.merge("dev")
    assert both.y.dtype == np.int32
    with pytest.raises(HtypeError, match="int32"):
        both.y.append(1.5)


def test_the_same_job_on_both_branches(both: reelbase.Dataset) -> None:
    dev = on(both, "dev", lambda d: d.append({"x": 10}, txn=("job", 1)))
    for number in (1, 2):
        both.append({"x": 20 + number}, txn=("job", number))
    dev.merge("main")
    both.merge("dev")
    assert both.x.numpy().tolist() == [0, 1, 2, 21, 22, 10]
    assert not dev.append({"x": 30}, txn=("job", 2))
    assert dev.append({"x": 30}, txn=("job", 3))


def test_compaction_is_no_conflict(both: reelbase.Dataset) -> None:
    dev = on(both, "dev", *(lambda d, k=k: d.x.append(k) for k in range(10, 15)), lambda d: d.maintenance.compact())
    both.x[0] = 100
    both.maintenance.compact()
    both.merge("dev")
    dev.merge("main")
    assert both.x.numpy().tolist() == dev.x.numpy().tolist() == [100, 1, 2, 10, 11, 12, 13, 14]


def test_whole_rows_stay_whole(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend([0, 1])
    ds.create_tensor("y")
    ds.history.create_branch("dev")
    on(ds, "dev", lambda d: d.append({"x": 5, "y": 5}), lambda d: d.append({"x": 6, "y": 6}))
    on(ds, "main", lambda m: m.append({"x": 4, "y": 4}))
    ds.merge("dev")
    assert values(ds.x) == [0, 1, 4, 5, 6]
    assert values(ds.y) == [None, None, 4, 5, 6]


def test_labels_made_on_a_branch(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend([0, 1, 2, 3])
    ds.create_tensor("early", dtype="int64")
    ds.history.create_branch("dev")
    on(ds, "dev", lambda d: d.create_tensor("y").extend([10, 11, 12, 13]), lambda d: d.early.extend([20, 21, 22, 23]))
    on(ds, "main", lambda m: m.delete_rows([1]), lambda m: m.append({"x": 4, "early": None}))
    ds.merge("dev")
    assert values(ds.x) == [0, 2, 3, 4]
    assert values(ds.y) == [10, 12, 13]
    assert values(ds.early) == [20, 22, 23, None]


def test_a_deleted_row_comes_back(both: reelbase.Dataset) -> None:
    dev = on(both, "dev", lambda d: d.x.pop(1))
    both.merge("dev")
    dev.history.revert("dev@0")
    both.merge("dev")
    assert both.x.numpy().tolist() == [0, 1, 2]
    assert not both.diff("dev")


def test_a_merge_is_reverted_and_later_ones_go_on(both: reelbase.Dataset) -> None:
    before = both.history.current
    dev = on(both, "dev", lambda d: d.x.extend([10, 11]), lambda d: d.x.__setitem__(0, 100))
    merged = both.merge("dev")
    both.history.revert(before)
    assert both.x.numpy().tolist() == [0, 1, 2]
    assert both.merge("dev").ref == both.history.current.ref == "main@3"
    dev.x.append(12)
    both.merge("dev")
    assert both.x.numpy().tolist() == [0, 1, 2, 12]
    dev.x[3] = 99
    with pytest.raises(CommitConflictError, match=r"row .* of 'x'"):
        both.merge("dev")
    both.history.revert(merged)
    assert both.x.numpy().tolist() == [100, 1, 2, 10, 11]


def test_rows_born_again_are_not_taken_for_others(both: reelbase.Dataset) -> None:
    """Numbers of rows are given out once, also when their tensor is dropped and comes back."""
    both.x.append(3)
    on(both, "dev", lambda d: d.merge("main"))
    both.delete_tensor("x")
    both.history.revert("main@1")
    both.x.append(99)
    assert [one.tolist() for one in (both.diff("dev").tensors["x"].added, both.diff("dev").tensors["x"].deleted)] == [
        [3],
        [3],
    ]
    dev = on(both, "dev", lambda d: d.merge("main"))
    assert dev.x.numpy().tolist() == [0, 1, 2, 99]


def test_many_merges_keep_commits_small(both: reelbase.Dataset) -> None:
    dev = reelbase.load(both.path, ref="dev")
    for k in range(60):
        dev.x.append(k)
        both.merge("dev")
    assert both.x.numpy().tolist() == [0, 1, 2, *range(60)]
    assert len(both._session.commit.body) < 8192


def _stale(ds: reelbase.Dataset) -> tuple[reelbase.Dataset, reelbase.Dataset]:
    ds.create_tensor("x", dtype="int64").extend([0, 1, 2])
    ds.create_tensor("y", dtype="int64")
    return reelbase.load(ds.path), reelbase.load(ds.path)


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (lambda x: x.__setitem__(4, 40), [10, 40, 12]),
        (lambda x: x.__setitem__(-1, 40), [10, 11, 40]),
        (lambda x: x.pop(3), [11, 12]),
        (lambda x: x.__setitem__(slice(3, 6), [30, 40, 50]), [30, 40, 50]),
        (lambda x: x.__setitem__(slice(4, 6), [40, 50]), [10, 40, 50]),
    ],
)
def test_own_rows_are_changed_where_they_came_to_lie(
    ds: reelbase.Dataset, change: Callable[[reelbase.Tensor], None], then: list[int]
) -> None:
    one, two = _stale(ds)
    with one:
        one.x.extend([10, 11])
        one.x.append(12)
        two.x.extend([77, 78])
        change(one.x)
        two.x.pop(0)
    assert one.x.numpy().tolist() == [1, 2, 77, 78, *then]
    assert reelbase.load(ds.path).x.numpy().tolist() == one.x.numpy().tolist()


def test_a_slice_of_old_and_own_rows(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    with one:
        one.x.extend([10, 11])
        one.x[1:5] = [101, 102, 110, 111]
        two.x.append(77)
        one.delete_rows([2, 3])
    assert one.x.numpy().tolist() == [0, 101, 77, 111]


def test_clear_takes_what_the_writer_saw(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    with one:
        one.x.append(10)
        two.x.append(77)
        one.x.clear()
        one.x.append(11)
    assert one.x.numpy().tolist() == [77, 11]


def test_pop_means_the_row_that_was_seen(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    two.x.pop(0)
    two.x.append(77)
    one.x.pop()
    assert one.x.numpy().tolist() == [1, 77]


def test_whole_rows_of_stale_writers(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    two.x.extend([3, 4])
    two.y.append(0)
    one.append({"x": 9, "y": 9})
    two.append({"x": 8, "y": 8})
    assert values(two.x) == [0, 1, 2, 3, 4, 9, 8]
    assert values(two.y) == [0, None, None, None, None, 9, 8]


def test_rows_that_fill_up(ds: reelbase.Dataset) -> None:
    """A row that is only there because a later one is: it is a row like any other, while nobody appended there."""
    one, two = _stale(ds)
    with one:
        one.append({"x": 3, "y": 30})
        one.y[1] = 10
        two.x[0] = 100
        one.y.pop(0)
    two.refresh()
    assert (values(two.x), values(two.y)) == ([100, 1, 2, 3], [10, None, 30])


def test_rows_that_fill_up_where_another_writer_appended(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    with pytest.raises(CommitConflictError, match=r"appended to 'y' at row 1, which you change(.|\n)*refresh"), one:
        one.append({"x": 3, "y": 30})
        one.y[1] = 10
        two.y.append(77)
    assert reelbase.load(ds.path).y.numpy().tolist() == [77]


def test_rows_deleted_beside_a_tensor_that_grew(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    two.append({"x": 3, "y": 30})
    with pytest.raises(CommitConflictError, match="appended to 'y', which did not reach the rows"):
        one.delete_rows([2])
    one.refresh()
    one.delete_rows([2])
    assert (values(one.x), values(one.y)) == ([0, 1, 3], [None, None, 30])
    three = reelbase.load(ds.path)
    one.delete_tensor("y")
    with pytest.raises(CommitConflictError, match="'y'"):
        three.delete_rows([0])


def test_a_short_tensor_is_dropped_beside_deleted_rows(ds: reelbase.Dataset) -> None:
    one, two = _stale(ds)
    two.delete_tensor("y")
    one.delete_rows([2])
    assert one.x.numpy().tolist() == [0, 1]


STALE: dict[str, tuple[Write, Write, str]] = {
    "the same row": (lambda a: a.x.__setitem__(1, 5), lambda b: b.x.__setitem__(1, 5), "row 1 of 'x'"),
    "a row that is gone": (lambda a: a.x.pop(1), lambda b: b.x.__setitem__(1, 5), "row 1 of 'x'"),
    "gone twice": (lambda a: a.x.pop(1), lambda b: b.delete_rows([0, 1]), "row 1 of 'x'"),
    "dropped": (lambda a: a.delete_tensor("x"), lambda b: b.x.append(1), "dropped or renamed the tensor 'x'"),
    "dropped, whole row": (lambda a: a.delete_tensor("y"), lambda b: b.append({"x": 1, "y": 1}), "tensor 'y'"),
    "renamed": (lambda a: a.rename_tensor("x", "z"), lambda b: b.x.info.update(k=1), "renamed the tensor 'x'"),
    "to be dropped": (lambda a: a.x.append(1), lambda b: b.delete_tensor("x"), "you drop or rename: 'x'"),
    "dropped twice": (lambda a: a.delete_tensor("x"), lambda b: b.delete_tensor("x"), "'x'"),
    "created twice": (lambda a: a.create_tensor("z"), lambda b: b.create_tensor("z"), "created a tensor named 'z'"),
    "the same key": (lambda a: a.info.update(k=1), lambda b: b.info.update(k=1), "metadata key 'k'"),
    "the same key of a tensor": (
        lambda a: a.x.info.update(k=1),
        lambda b: b.x.info.update(k=1),
        "metadata key 'x/k'",
    ),
    "reverted": (
        lambda a: (a.x.__setitem__(1, 5), a.history.revert("main@2")),
        lambda b: b.x.__setitem__(1, 6),
        "row 1 of 'x'",
    ),
}


@pytest.mark.parametrize(("first", "second", "words"), STALE.values(), ids=list(STALE))
def test_conflicts_of_stale_writers(ds: reelbase.Dataset, first: Write, second: Write, words: str) -> None:
    one, two = _stale(ds)
    first(one)
    before = (one.history.current, two.history.current)
    with pytest.raises(CommitConflictError, match=rf"{words}(.|\n)*ds.refresh\(\)"):
        second(two)
    assert two.history.current == before[1]
    two.refresh()
    assert two.history.current == before[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda a: a.x.__setitem__(1, 5), lambda b: b.x.__setitem__(2, 5)),
        (lambda a: a.x.pop(1), lambda b: b.x.pop(2)),
        (lambda a: a.create_tensor("z"), lambda b: b.create_tensor("w")),
        (lambda a: a.rename_tensor("x", "z"), lambda b: b.y.append(1)),
        (lambda a: a.info.update(k=1), lambda b: b.info.update(l=1)),
        (lambda a: a.maintenance.compact(), lambda b: b.x.pop(1)),
        (lambda a: a.x.__setitem__(1, 5), lambda b: b.maintenance.compact()),
        (lambda a: a.commit("named"), lambda b: b.commit("named too")),
        (lambda a: (a.x.append(2), a.history.revert("main@2")), lambda b: b.rename_tensor("y", "z")),
    ],
)
def test_what_goes_together(ds: reelbase.Dataset, first: Write, second: Write) -> None:
    one, two = _stale(ds)
    first(one)
    before = one.history.current.seq
    second(two)
    assert two.history.current.seq >= before
    one.refresh()
    assert {name: values(t) for name, t in one.tensors.items()} == {name: values(t) for name, t in two.tensors.items()}

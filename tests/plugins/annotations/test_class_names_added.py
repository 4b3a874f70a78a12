"""Class names that are added: in the log, with several writers, on branches, after reverts, in copies and viewers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelbase
from reelbase.errors import AssignmentError, CommitConflictError, HtypeError, UsageError


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "labels")
    ds.create_tensor("label", htype="class_label", class_names=["walk", "jump"]).extend(["walk", "jump"])
    ds.create_tensor("ids", htype="sequence[class_label]")
    return ds


def _names(tensor: reelbase.Tensor) -> list[str]:
    return list(tensor.meta["class_names"])


def _words(ds: reelbase.Dataset) -> list[str]:
    return [view.data()["text"][0] for view in ds.label]


def test_in_one_commit(ds: reelbase.Dataset) -> None:
    old, before = ds.label[:], ds.commit("before")
    ds.label.add_class_names(["run", "jump", "sit"])
    after = ds.history.current
    ds.label.add_class_names(("sit",))
    assert ds.history.current == after
    assert after.seq == before.seq + 1
    ds.label.extend(["sit", ["run", 0]])
    for loaded in (ds, reelbase.load(ds.path), reelbase.load(ds.path, ref=after)):
        assert _names(loaded.label) == ["walk", "jump", "run", "sit"]
    assert ds.label.numpy(aslist=True)[2].tolist() == [3]
    assert [item["text"] for item in old.data()] == [["walk"], ["jump"]]
    assert _names(reelbase.load(ds.path, ref=before).label) == ["walk", "jump"]
    changes = ds.diff(before)
    assert changes.settings == ("label/class_names",)
    assert "setting changed: label/class_names" in str(changes)
    assert bool(ds.diff(before, after))
    assert not ds.diff(after, after)


def test_in_a_transaction(ds: reelbase.Dataset) -> None:
    with ds:
        ds.label.add_class_names(["run"])
        ds.label.append("run")
        with pytest.raises(HtypeError):
            ds.label.add_class_names([""])
        ds.label.add_class_names(["sit"])
        ds.label[0] = "sit"
    assert _words(reelbase.load(ds.path)) == ["sit", "jump", "run"]
    with pytest.raises(ZeroDivisionError), ds:
        ds.label.add_class_names(["fall"])
        ds.label.append(1 // 0)
    assert _names(ds.label) == ["walk", "jump", "run", "sit"]


@pytest.mark.parametrize("names", ["run", [""], [1], ["run", "run"], None, [None]])
def test_not_names(ds: reelbase.Dataset, names: Any) -> None:
    with pytest.raises(HtypeError):
        ds.label.add_class_names(names)
    assert _names(ds.label) == ["walk", "jump"]


def test_only_labels_have_names(ds: reelbase.Dataset) -> None:
    for tensor in (ds.create_tensor("x"), ds.create_tensor("box", htype="bbox"), ds.create_tensor("t", htype="text")):
        with pytest.raises(HtypeError, match="no class names"):
            tensor.add_class_names(["run"])


def test_names_for_ids(ds: reelbase.Dataset) -> None:
    ds.ids.extend([[0, [2, 1]], None, []])
    with pytest.raises(HtypeError, match="Row 0 of tensor 'ids': 2 is not a class id"):
        ds.ids.add_class_names(["a", "b"])
    ds.ids.add_class_names(["a", "b", "c"])
    assert [item["text"] for item in ds.ids[0].data()] == [["a"], ["c", "b"]]
    with pytest.raises(HtypeError):
        ds.ids.append([3])


def test_a_small_dtype_is_the_limit(ds: reelbase.Dataset) -> None:
    small = ds.create_tensor("small", htype="class_label", dtype="uint8", class_names=["a"])
    small.add_class_names([str(number) for number in range(300)])
    small.append("254")
    with pytest.raises(HtypeError, match="does not fit"):
        small.append("255")


# Several writers


def test_two_writers_add_names(ds: reelbase.Dataset) -> None:
    others = [reelbase.load(ds.path) for _ in range(3)]
    ds.label.add_class_names(["run"])
    for other, names in zip(others, (["sit"], ["run"], ["run", "sit"]), strict=True):
        with pytest.raises(CommitConflictError, match="'label'"):
            other.label.add_class_names(names)
    other.refresh()
    other.label.add_class_names(["sit"])
    ds.refresh()
    assert _names(ds.label) == ["walk", "jump", "run", "sit"]


@pytest.mark.parametrize("first", [True, False])
def test_names_and_labels_go_together(ds: reelbase.Dataset, first: bool) -> None:
    other = reelbase.load(ds.path)
    writes: list[Callable[[], object]] = [
        lambda: ds.label.add_class_names(["run"]),
        lambda: other.label.append("jump"),
    ]
    for write in writes if first else writes[::-1]:
        write()
    ds.label.append("run")
    assert _words(reelbase.load(ds.path)) == ["walk", "jump", "jump", "run"]


def test_naming_ids_conflicts_with_writing_ids(ds: reelbase.Dataset) -> None:
    other = reelbase.load(ds.path)
    ds.ids.add_class_names(["a"])
    with pytest.raises(CommitConflictError, match="class names"):
        other.ids.append([7])
    ds.create_tensor("more", htype="class_label")
    other.refresh()
    other.more.append(7)
    with pytest.raises(CommitConflictError, match="class names"):
        ds.more.add_class_names(["a"])
    ds.refresh()
    assert "class_names" not in ds.more.meta


def test_a_tensor_that_is_deleted_meanwhile(ds: reelbase.Dataset) -> None:
    other = reelbase.load(ds.path)
    ds.delete_tensor("label")
    with pytest.raises(CommitConflictError, match="label"):
        other.label.add_class_names(["run"])


# Branches


def _branch(ds: reelbase.Dataset) -> reelbase.Dataset:
    ds.history.create_branch("dev")
    return reelbase.load(ds.path, ref="dev")


def test_a_merge_takes_the_names(ds: reelbase.Dataset) -> None:
    dev = _branch(ds)
    dev.label.add_class_names(["run", "sit"])
    dev.label.append("sit")
    dev.label[0] = "run"
    ds.label.append("jump")
    ds.merge("dev")
    assert sorted(_words(ds)) == ["jump", "jump", "run", "sit"]
    assert _names(ds.label) == ["walk", "jump", "run", "sit"]
    ds.label.add_class_names(["fall"])
    dev.merge("main")
    assert _names(dev.label) == ["walk", "jump", "run", "sit", "fall"]
    assert ds.merge("dev").ref == ds.history.current.ref


def test_branches_that_add_the_same_names(ds: reelbase.Dataset) -> None:
    dev = _branch(ds)
    dev.label.add_class_names(["run"])
    dev.label.append("run")
    ds.label.add_class_names(["run", "sit"])
    ds.label.append("sit")
    ds.merge("dev")
    assert _names(ds.label) == ["walk", "jump", "run", "sit"]
    assert _words(ds) == ["walk", "jump", "sit", "run"]


def test_branches_that_add_other_names(ds: reelbase.Dataset) -> None:
    dev = _branch(ds)
    dev.label.add_class_names(["run"])
    dev.label.append("run")
    ds.label.add_class_names(["sit"])
    before = ds.history.current
    with pytest.raises(CommitConflictError, match="one number has two meanings"):
        ds.merge("dev")
    assert ds.history.current == before
    ds.label.add_class_names(_names(dev.label))
    ds.extend(dev[2:])  # as the message says
    assert _words(ds) == ["walk", "jump", "run"]


@pytest.mark.parametrize("into", ["main", "dev"])
def test_a_branch_that_names_ids_of_the_other(ds: reelbase.Dataset, into: str) -> None:
    dev = _branch(ds)
    dev.ids.add_class_names(["a"])
    ds.ids.append([7])
    one, other = (ds, "dev") if into == "main" else (dev, "main")
    with pytest.raises(CommitConflictError, match="ids without names"):
        one.merge(other)
    ds.ids.clear()
    ds.create_tensor("x")
    with pytest.raises(CommitConflictError, match="Add the same class names there"):
        one.merge(other)
    ds.ids.add_class_names(["a"])
    one.merge(other)
    assert _names(one.ids) == ["a"]


def test_a_revert_keeps_names(ds: reelbase.Dataset) -> None:
    before, late = ds.commit("before"), reelbase.load(ds.path)
    ds.label.add_class_names(["run"])
    late.refresh()
    ds.label.append("run")
    ds.history.revert(before)
    assert _words(ds) == ["walk", "jump"]
    late.label.append("run")
    ds.refresh()
    assert _names(ds.label) == ["walk", "jump", "run"]
    assert _words(ds) == ["walk", "jump", "run"]


def test_a_revert_to_ids_without_names(ds: reelbase.Dataset) -> None:
    ds.ids.append([7])
    before = ds.commit("before")
    ds.ids.clear()
    ds.ids.add_class_names(["a"])
    late = reelbase.load(ds.path)
    ds.history.revert(before)
    assert ds.ids[0].data() == {"value": [[7]], "text": None}
    assert "class_names" not in ds.ids.meta
    with pytest.raises(CommitConflictError, match="class names"):
        late.ids.append(["a"])


# Elsewhere


def test_copies_and_upkeep(ds: reelbase.Dataset, tmp_path: Path) -> None:
    ds.label.add_class_names(["run"])
    ds.label.append("run")
    ds.maintenance.compact()
    for copied in (ds.copy(tmp_path / "a", rows=[2]), ds.copy(tmp_path / "b", history=True)):
        assert _names(copied.label) == ["walk", "jump", "run"]
        assert _words(copied)[-1] == "run"
    assert ds.maintenance.verify().ok


def test_filters_and_viewers_know_the_names(ds: reelbase.Dataset) -> None:
    ds.label.add_class_names(["run"])
    ds.label.append("run")
    assert ds.filter("label == 'run'").numbers == [2]
    source = ds._viewer_source("label == 'run'")
    (shown,) = (tensor for tensor in source.overview().tensors if tensor.name == "label")
    assert shown.settings["class_names"] == ["walk", "jump", "run"]


def test_what_does_not_add_names(ds: reelbase.Dataset) -> None:
    with pytest.raises(AssignmentError, match="add_class_names"):
        ds.label.class_names = ["run"]
    with pytest.raises(UsageError, match="add_class_names"):
        ds.label.info["class_names"] = ["run"]
    with pytest.raises(UsageError, match="add_class_names"):
        ds.label.info.update(class_names=["run"])
    ds.label.meta["class_names"].append("run")
    with pytest.raises(HtypeError, match=r"add_class_names\(\['run'\]\)"):
        ds.label.append("run")
    assert dict(ds.label.info) == {}


_WRITE = st.tuples(st.sampled_from(["names", "label", "refresh", "revert"]), st.sampled_from("abcdef"))


@settings(max_examples=40)
@given(first=st.lists(st.tuples(st.booleans(), _WRITE), max_size=12))
def test_a_label_never_changes_its_meaning(first: list[tuple[bool, tuple[str, str]]]) -> None:
    path = f"mem://{uuid.uuid4().hex}"
    reelbase.empty(path).create_tensor("label", htype="class_label", class_names=["-"])
    start = reelbase.load(path).history.current
    writers, wanted = [reelbase.load(path), reelbase.load(path)], list[str]()
    for who, (what, word) in first:
        writer = writers[who]
        try:
            if what == "names":
                writer.label.add_class_names([word])
            elif what == "label":
                writer.label.append(word)
                wanted.append(word)
            elif what == "revert":
                writer.history.revert(start)
                wanted.clear()
            else:
                writer.refresh()
        except (CommitConflictError, HtypeError):
            writer.refresh()
    assert _words(reelbase.load(path)) == wanted
    reelbase.delete(path)


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["names", "row", "replace", "delete", "merge", "revert"]),
        st.sampled_from("abc"),
    ),
    max_size=14,
)


@settings(max_examples=20)
@given(steps=_STEPS)
def test_a_label_means_the_same_on_every_branch(steps: list[tuple[int, str, str]]) -> None:
    path = f"mem://{uuid.uuid4().hex}"
    main = reelbase.empty(path)
    main.create_tensor("label", htype="class_label", class_names=["-"])
    main.create_tensor("word", htype="text")
    main.append({"label": "-", "word": "-"})
    first = {"main": main.history.current.seq, "dev": 0}
    main.history.create_branch("dev")
    writers = [main, reelbase.load(path), reelbase.load(path, ref="dev")]
    for who, what, word in steps:
        try:
            _write(writers[who], what, word, first)
        except (CommitConflictError, HtypeError):
            writers[who].refresh()
        for ref in ("main", "dev"):
            rows = [row for row in reelbase.load(path, ref=ref) if row.label.exists]
            assert [row.label.data()["text"] for row in rows] == [[row.word.data()] for row in rows]
    reelbase.delete(path)


def _write(ds: reelbase.Dataset, what: str, word: str, first: dict[str, int]) -> None:
    branch, row = ds.history.branch, {"label": word, "word": word}
    if what == "names":
        ds.label.add_class_names([word])
    elif what == "row":
        ds.append(row)
    elif what == "merge":
        ds.merge("main" if branch == "dev" else "dev")
    elif what == "revert":
        ds.history.revert(f"{branch}@{max(ds.history.current.seq - 2, first[branch])}")
    elif len(ds):
        ds.pop(0) if what == "delete" else ds.__setitem__(-1, row)

from __future__ import annotations

import numpy as np
import pytest

import reelbase
from reelbase.errors import HtypeError
from reelbase_plugins.annotations.class_label import ClassLabel

NAMES = ["car", "truck", "bicycle"]


@pytest.fixture
def labels() -> ClassLabel:
    return ClassLabel(class_names=NAMES)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (1, [1]),
        (np.int16(2), [2]),
        ("truck", [1]),
        (np.str_("truck"), [1]),
        (["car", 2, "car"], [0, 2, 0]),
        (("car",), [0]),
        (np.array([2, 1]), [2, 1]),
        (np.array(2), [2]),
        (np.array(["bicycle", "car"]), [2, 0]),
        ([], []),
        (np.zeros(0, np.int64), []),
    ],
)
def test_what_a_label_may_be(labels, value, ids):
    made = labels.check(value)
    assert made.dtype == np.uint32
    assert made.tolist() == ids


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (True, "True is of type bool"),
        ([0, True], "True is of type bool"),
        (np.array([True]), "True is of type bool"),
        (1.0, "1.0 is of type float"),
        (np.array([1.0]), "1.0 is of type float"),
        (-1, "-1 is not a class id: there are 3"),
        (3, "3 is not a class id"),
        (np.array([0, 3]), "3 is not a class id"),
        (10**30, "is not a class id"),
        ("Truk", "Did you mean 'truck'"),
        ("zebra", "Known are 'car', 'truck', 'bicycle'"),
        ("", "is not among the 3"),
        (None, "None is of type NoneType"),
        (b"car", "is of type bytes"),
        ([["car"]], "is of type list"),
        (np.zeros((2, 2), int), "is of type list"),
        ({"car"}, "is of type set"),
    ],
)
def test_what_it_may_not_be(labels, value, says):
    with pytest.raises(HtypeError, match=says):
        labels.check(value)


def test_without_names_only_ids():
    labels = ClassLabel()
    assert labels.check([0, 2**32 - 1]).tolist() == [0, 2**32 - 1]
    assert labels.data(np.array([5], np.uint32))["text"] is None
    assert labels.settings() == {}
    with pytest.raises(HtypeError, match="add_class_names"):
        labels.check("car")
    with pytest.raises(HtypeError, match="uint32"):
        labels.check(2**32)


def test_data_names_them(labels):
    shown = labels.data(labels.check(["bicycle", "car"]))
    assert shown["value"].tolist() == [2, 0]
    assert shown["text"] == ["bicycle", "car"]
    assert labels.data(np.array([[0], [1]], np.uint32))["text"] == [["car"], ["truck"]]
    assert labels.data(np.array(1, np.uint32))["text"] == "truck"


@pytest.mark.parametrize("names", ["car", ["car", "car"], ["car", ""], ["car", 1], 7])
def test_names_that_are_none(names):
    with pytest.raises(HtypeError):
        ClassLabel(class_names=names)


def test_settings_make_an_equal_one(labels):
    again = ClassLabel(**labels.settings())
    assert again.class_names == tuple(NAMES)


def test_a_stack_is_checked_at_once(labels):
    assert labels.check_many(np.array([0, 2, 1])).tolist() == [[0], [2], [1]]
    assert labels.check_many(np.array([[0, 2], [1, 1]])).dtype == np.uint32
    assert labels.check_many(np.array([0, 3])) is None
    assert labels.check_many(["car"]) is None
    assert labels.check_many(np.array([0.0])) is None


def test_many_names_are_not_all_shown():
    labels = ClassLabel(class_names=[f"synset {at:04}" for at in range(1000)])
    with pytest.raises(HtypeError) as caught:
        labels.check("zebra")
    assert "and 988 more" in str(caught.value)


def test_names_are_compared_in_one_normal_form() -> None:
    """The same word, composed or not, is one class; each name is kept as it was written."""
    composed, apart = "caf\u00e9", "cafe\u0301"
    ds = reelbase.empty("mem://normal-forms", overwrite=True)
    ds.create_tensor("labels", htype="class_label", class_names=[composed, "b"])
    ds.labels.extend([[apart], [composed, "b"]])
    assert [view.numpy().tolist() for view in ds.labels] == [[0], [0, 1]]
    ds.labels.add_class_names([apart, "c"])
    assert ds.labels.meta["class_names"] == [composed, "b", "c"]
    assert ds.filter(f"labels == {apart!r}").numbers == [0, 1]
    other = reelbase.empty("mem://normal-forms-2", overwrite=True)
    other.create_tensor("labels", htype="class_label", class_names=["x", apart])
    other.labels.extend(ds.labels[:1])
    assert other.labels[0].numpy().tolist() == [1]
    assert ds.labels[0].data()["text"] == [composed]

"""The language that chooses rows: what it says, against Python's own, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reelbase
from reelbase.errors import FilterError
from reelbase.selection.filter import Filter

ROW: dict[str, Any] = {
    "row": 7,
    "labels": ["cat", "dog"],
    "count": 3,
    "score": 0.5,
    "boxes": [[1, 2, 3, 4], [5, 6, 7, 8]],
    "note": "a walk in the park",
    "meta": {"city": "Bern", "tags": ["day", "rain"], "size": {"w": 640}},
    "gone": None,
    "train/left-eye": 4,
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("labels == 'cat'", True),
        ("labels == 'bird'", False),
        ("'dog' == labels", True),
        ("not labels == 'bird'", True),
        ("labels != 'cat'", True),  # one of them is another
        ("labels == ['cat', 'dog']", True),
        ("'dog' in labels and 'bird' not in labels", True),
        ("labels in ['dog']", False),
        ("len(boxes) > 1", True),
        ("len(boxes) > 1 and labels == 'cat' or count == 9", True),
        ("1 < count <= 3", True),
        ("3 < count <= 3", False),
        ("max(boxes[1]) == 8 and min(boxes[0]) == 1", True),
        ("boxes[5] == 1", False),
        ("score >= 0.5 and -score < 0", True),
        ("'walk' in note", True),
        ("meta.city == 'Bern' and meta['size'].w >= 640", True),
        ("meta.tags == 'rain'", True),
        ("meta.nothing == 1", False),
        ("gone == 1", False),
        ("gone is None", True),
        ("meta.nothing is None and count is not None", True),
        ("len(gone) > 0", False),
        ("count > 'cat'", False),
        ("row == 7", True),
        ("labels", True),
        ("not gone", True),
        ("train/left-eye == 4", True),
    ],
)
def test_what_it_says(text: str, wanted: bool) -> None:
    assert Filter(text).matches(ROW) is wanted


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "labels.__class__", "labels.append(1)", "(lambda: 1)()", "[x for x in labels]",
        "f'{labels}'",
        "open('x')", "len(labels, labels)", "len(*labels)", "len(of=labels)", "labels[0:1]", "labels[count]",
        "count + 1",
        "count / 2", "count ** 9 ** 9", "x := 1", "labels if count else note", "{1: 2}", "{1}", "...", "b'x'", "1j",
        "yield 1", "await x", "print", "labels =", "", "  ", "a = 1", "import os", "1; 2", "\0", "a.b.__dict__",
        "(" * 60 + "1" + ")" * 60 + " + 1", " and ".join(["(" * 30 + "a" + ")" * 30] * 2) + "[",
        "not " * 60 + "a", "x" * 3000,
    ],
)  # fmt: skip
def test_what_it_refuses(text: str) -> None:
    with pytest.raises(FilterError):
        Filter(text).matches(ROW)


def test_the_message_names_what_cannot_stand_there() -> None:
    with pytest.raises(FilterError, match=r"'count \+ 1' is not allowed in a filter"):
        Filter("count + 1 == 2")
    with pytest.raises(FilterError, match="no tensor 'lables'") as caught:
        Filter("lables == 'cat'").matches(ROW)
    assert "labels" in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        found = Filter(text)
    except FilterError:
        return
    found.matches(dict.fromkeys(found.names, 1))


NUMBERS = st.integers(-3, 3)
NAMES = st.sampled_from(["a", "b", "c"])
COMPARED = st.builds(
    lambda left, op, right: f"({left} {op} {right})",
    NAMES,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.one_of(NAMES, NUMBERS.map(str)),
)
LOGIC = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
)


@given(LOGIC, NUMBERS, NUMBERS, NUMBERS)
def test_numbers_compare_as_in_python(text: str, a: int, b: int, c: int) -> None:
    values = {"a": a, "b": b, "c": c}
    assert Filter(text).matches(values) is bool(eval(text, {}, values))


@given(st.lists(NUMBERS, max_size=4), st.sampled_from(["==", "!=", "<", ">"]), NUMBERS)
def test_of_a_list_any_item_decides(items: list[int], op: str, number: int) -> None:
    wanted = any(eval(f"{item} {op} {number}") for item in items)
    assert Filter(f"a {op} {number}").matches({"a": items}) is wanted


def test_of_a_dataset() -> None:
    ds = reelbase.empty("mem://filtered", overwrite=True)
    ds.create_tensor("left/size", htype="generic", dtype="int64")
    ds.create_tensor("points", htype="generic", dtype="float32")
    with ds:
        for n in range(20):
            ds.append({"left/size": n, "points": np.full((n % 4, 2), n, np.float32)})
    chosen = ds.filter("left/size >= 5 and len(points) == 3")
    assert chosen.numbers == [7, 11, 15, 19]
    assert chosen["left/size"].numpy().ravel().tolist() == [7, 11, 15, 19]
    assert chosen.filter("row > 10").numbers == [11, 15, 19]
    assert chosen[1:3].numbers == [11, 15]
    assert ds.filter("left/size > 99").numbers == []
    with pytest.raises(FilterError, match="no tensor 'size'"):
        ds.filter("size == 1")


def test_rows_of_ragged_and_missing_samples() -> None:
    ds = reelbase.empty("mem://filtered-ragged", overwrite=True)
    ds.create_tensor("a", htype="generic", dtype="int64")
    ds.create_tensor("b", htype="generic", dtype="int64")
    ds.a.extend([1, 2, 3])
    ds.b.extend([1, None])
    assert ds.filter("a > 0").numbers == [0, 1, 2]
    assert ds.filter("b > 0").numbers == [0]
    assert ds.filter("b is None").numbers == [1, 2]

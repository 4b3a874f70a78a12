"""The language that chooses rows: what it says, and what it refuses before a row is read."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reelbase
from reelbase.errors import FilterError
from reelbase.selection.filter import Filter
from reelbase.selection.value_types import (
    ITEMS,
    SEQUENCE,
    AnyValue,
    ArrayOf,
    Boolean,
    ClassName,
    Field,
    ListOf,
    Number,
    Record,
    Text,
    ValueType,
)

BOX = Record(("a box", "boxes"), {"w": Field(Number("float32"), lambda box: box[2])}, numbers=4)
VIDEO = Record(
    ("a video", "videos"),
    {
        "fps": Field(Number()),
        "frames": Field(Number()),
        "codec": Field(Text()),
        "shape": Field(ListOf(Number(), "axes")),
    },
    length="frames",
    hints={"duration": "Write seconds."},
)
PETS = ClassName(("cat", "dog", "bird", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"))
TYPES: dict[str, ValueType] = {
    "labels": ListOf(PETS),
    "frame_labels": ListOf(ListOf(PETS), SEQUENCE),
    "boxes": ListOf(BOX),
    "frame_boxes": ListOf(ListOf(BOX), SEQUENCE),
    "track": ListOf(ArrayOf(Number()), SEQUENCE),
    "size": ArrayOf(Number("int64")),
    "one": ArrayOf(Number("int64")),
    "score": ArrayOf(Number("float32")),
    "wave": ArrayOf(Number("complex64")),
    "good": ArrayOf(Boolean()),
    "note": Text(),
    "captions": ListOf(Text(), SEQUENCE),
    "meta": AnyValue(),
    "gone": ArrayOf(Number()),
    "gone_boxes": ListOf(ListOf(BOX), SEQUENCE),
    "video": VIDEO,
    "clips": ListOf(VIDEO, SEQUENCE),
    "train/left-eye": ArrayOf(Number()),
    "class": ArrayOf(Number()),
    "count": ArrayOf(Number()),
}
A_VIDEO = {"fps": 25.0, "frames": 100, "codec": "h264", "shape": [100, 9, 16, 3]}
ROW: dict[str, Any] = {
    "row": 7,
    "labels": ["cat", "dog"],
    "frame_labels": [["cat"], [], None, ["dog", "cat"]],
    "boxes": [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]],
    "frame_boxes": [[[0.0, 0.0, 60.0, 9.0]], [], None, [[0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 2.0, 2.0]]],
    "track": [[1], [3], [], None],
    "size": 3,
    "one": [3],
    "score": float(np.float32(0.1)),
    "wave": 1 + 2j,
    "good": True,
    "note": "a walk in the park",
    "captions": ["a cat walks", "it sleeps"],
    "meta": {"city": "Bern", "tags": ["day", "rain"], "size": {"w": 640}, "found": [{"w": 1}, {"w": 9}], "none": None},
    "gone": None,
    "gone_boxes": None,
    "video": A_VIDEO,
    "clips": [A_VIDEO, {**A_VIDEO, "fps": 30.0}],
    "train/left-eye": 4,
    "class": 1,
    "count": 3,
}


def ask(text: str, row: dict[str, Any] = ROW, types: dict[str, ValueType] = TYPES) -> bool:
    return Filter(text, types, types.__getitem__).matches(row)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("labels == 'cat'", True),
        ("labels == 'bird'", False),
        ("'dog' == labels", True),
        ("not labels == 'bird'", True),
        ("labels != 'cat'", True),  # one of them is another
        ("labels == 1", True),  # by id
        ("labels == 2", False),
        ("labels == ['cat', 'dog']", True),
        ("labels == ['dog', 'cat']", False),
        ("frame_labels == ['dog', 'cat']", True),  # those of a frame
        ("'dog' in labels and 'bird' not in labels", True),
        ("labels in ['dog', 'bird']", True),
        ("labels in ['bird']", False),
        ("all(labels in ['cat', 'dog'])", True),
        ("count(labels not in ['cat']) == 1", True),
        # Lengths: of the first axis, as in Python
        ("len(boxes) == 2", True),
        ("len(frame_boxes) == 4", True),  # frames, also those without boxes
        ("len(video) == 100 and len(clips) == 2", True),
        ("len(one) == 1 and one[0] == 3", True),
        ("len(size) >= 0", False),  # a number has no length
        ("len(note) == 18 and len(meta.tags) == 2", True),
        # Items, over all frames; frames that were not annotated are passed over
        ("count(frame_boxes) == 3 and count(frame_labels) == 3", True),
        ("count(frame_labels == 'cat') == 2", True),
        ("any(frame_boxes.w > 50)", True),
        ("frame_boxes.w > 50", True),
        ("any(frame_boxes.w > 60)", False),
        ("all(frame_boxes.w > 1)", False),
        ("all(frame_boxes.w >= 1)", True),
        ("any(frame_labels == 'dog' and frame_boxes.w > 50)", False),  # of one box
        ("frame_labels == 'dog' and frame_boxes.w > 50", True),  # of any two
        ("count(frame_labels == 'cat' or frame_boxes.w > 1.5) == 2", True),
        ("count(not frame_labels == 'cat') == 1", True),
        ("count(frame_boxes is None) == 1", True),
        ("count(labels == 'cat') / len(labels) == 0.5", True),
        ("max(track) == 3 and min(track) == 1 and sum(track) == 4", True),
        ("track == 3 and max(track) >= 3", True),
        ("1 < track < 3", False),  # no item is between
        ("all(labels == labels) and count(boxes.w < boxes.w + 1) == 2", True),
        ("len(boxes) > 1 and labels == 'cat' or size == 9", True),
        # Fields and items
        ("boxes == [5, 6, 7, 8] and boxes[1][3] == 8", True),
        ("frame_boxes == [[0, 0, 1, 1], [5, 5, 2, 2]]", True),
        ("boxes[5] == [1, 2, 3, 4]", False),
        ("labels[-1] == 'dog'", True),
        ("frame_labels[0] == 'cat' and not frame_labels[2] == 'cat'", True),
        ("video.fps * 2 > 49 and video['codec'] == 'h264' and video.shape[1] == 9", True),
        ("clips.fps == 30", True),
        ("sum(clips.frames) == 200", True),
        # Numbers
        ("1 < size <= 3", True),
        ("3 < size <= 3", False),
        ("(size + 1) * 2 == 8 and size // 2 == 1 and size % 2 == 1 and size / 2 == 1.5", True),
        ("size / 0 == 1 or size / 0 != 1 or size // 0 > 0 or size % 0 == 0", False),
        ("-size < 0 and size - -1 == 4", True),
        ("score == 0.1 and score <= 0.1 and score in [0.1]", True),  # as float32
        ("score > 0.1", False),
        ("score < 1e300", True),
        ("wave == wave and wave + wave != wave", True),
        ("good", True),
        ("not good", False),
        ("good == True and good == 1", True),
        ("row == 7", True),
        # Text
        ("'walk' in note", True),
        ("'run' not in note", True),
        ("note < 'b'", True),
        ("'walk' in captions", True),  # in any of them
        ("count('s' in captions) == 2", True),
        ("captions == 'it sleeps'", True),
        ("note in ['a', 'a walk in the park']", True),
        # JSON: any key may exist
        ("meta.city == 'Bern' and meta['size'].w >= 640", True),
        ("meta.tags == 'rain' and 'rain' in meta.tags and 'city' in meta", True),
        ("meta.nothing == 1", False),
        ("meta.city > 3 or meta.city * 2 == 'BernBern' or meta.city + 1 == 2", False),
        ("meta.city != 3", True),
        ("meta.nothing is None and meta.none is None and size is not None", True),
        ("any(meta.found.w > 8) and meta.found[1].w == 9 and max(meta.found.w) == 9", True),
        ("meta.size.w / 2 == 320", True),
        ("meta.tags", True),
        ("not meta.nothing", True),
        # What is missing
        ("gone == 1 or gone != 1 or gone < 1 or gone in [1] or gone not in [1]", False),
        ("gone is None", True),
        ("len(gone_boxes) >= 0 or count(gone_boxes) >= 0 or max(gone) < 9 or sum(gone) == 0", False),
        ("any(gone_boxes.w > 0) or all(gone_boxes.w > 0)", False),
        ("not gone == 1", True),
        # Names
        ("train/left-eye == 4 and train.left-eye == 4 and train['left-eye'] == 4", True),
        ("train/left-eye/2 == 2 and 8/train/left-eye == 2 and train/left-eye-size == 1", True),
        ("class == 1", True),
        ("count == 3 and count(labels) == 2", True),
        ("note != 'train/left-eye' and note != '''it's class'''", True),
    ],
)  # fmt: skip
def test_what_it_says(text: str, wanted: bool) -> None:
    assert ask(text) is wanted


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "labels.__class__", "labels.append(1)", "(lambda: 1)()", "[x for x in labels]",
        "f'{labels}'", "open('x')", "len(labels, labels)", "len(*labels)", "len(of=labels)", "labels[0:1]",
        "labels[size]", "labels[True]", "size ** 9 ** 9", "x := 1", "labels if size else note", "{1: 2}", "{1}", "...",
        "b'x'", "1j", "yield 1", "await x", "print", "labels =", "", "  ", "a = 1", "import os", "1; 2", "\0",
        "meta.b.__dict__", "(" * 60 + "1" + ")" * 60 + " + 1", "not " * 60 + "good", "x" * 3000,
        " and ".join(["(" * 30 + "size" + ")" * 30] * 2) + "[", "1" + "+1" * 60 + " == size", "size @ 2 == 1",
        "size is 3", "size is True", "3 is None", "len", "len(3) == 1", "max([1, 2]) == 2", "+size == 3", "~size == 3",
    ],
)  # fmt: skip
def test_what_is_not_in_the_language(text: str) -> None:
    with pytest.raises(FilterError):
        ask(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lables == 'cat'", "There is no tensor 'lables'.\n    Did you mean 'labels'"),
        ("train/left-ear == 1", "There is no tensor 'train/left-ear'.\n    Did you mean 'train/left-eye'"),
        ("train.left_eye == 1", "Did you mean 'train/left-eye'"),
        ("left-eye == 1", "Did you mean 'train/left-eye'"),
        ("train == 1", "'train' is a group of tensors.\n    Name one of train/left-eye."),
        ("labels == 'cta'", "'cta' is not a class of labels.\n    Did you mean 'cat'"),
        ("labels in ['cat', 'Bird ']", "'Bird ' is not a class of labels.\n    Did you mean 'bird'"),
        ("'brd' in frame_labels", "Did you mean 'bird'"),
        ("labels == ['cat', 'dogg']", "Did you mean 'dog'"),
        ("any(labels == 'x')", "There are: cat, dog, bird"),
        ("labels == 9", "9 is not a class of labels.\n    Ids go from 0 to 3."),
        ("video.fpss > 3", "video has no field 'fpss'.\n    Did you mean 'fps'"),
        ("video.duration > 3", "Write seconds."),
        ("boxes.width > 3", "boxes has no field 'width'"),
        ("clips.fsp > 3", "Did you mean 'fps'"),
        ("labels.name == 'cat'", "labels is a list of class names: it has no field 'name'"),
        ("labels > 'a'", "labels is a list of class names, without an order"),
        ("max(labels) == 'cat'", "max(labels): labels is a list of class names, not a number"),
        ("labels == 1.5", "labels is a list of class names, and 1.5 is a number"),
        ("labels == size", "They cannot be compared"),
        ("note > 3", "note is text, and 3 is a number. They cannot be compared"),
        ("3 in note", "They cannot be compared"),
        ("size == 'a'", "They cannot be compared"),
        ("size in ['a']", "They cannot be compared"),
        ("size in [1, 'a']", "items of different types"),
        ("'a' in video", "video is a video, not a list or text"),
        ("boxes > 5", "boxes is a list of boxes.\n    Compare one of its fields, such as boxes.w."),
        ("max(boxes) > 5", "Use one of its fields, such as boxes.w."),
        ("boxes == ['a']", "boxes is a list of boxes, and ['a'] a list of texts"),
        ("video == 3", "video is a video"),
        ("wave > 1", "wave is a number, without an order.\n    Use == or !=."),
        ("max(wave) == 1", "complex"),
        ("wave % 2 == 1", "complex"),
        ("note + 'a' == 'b'", "note + 'a': note is text, not a number"),
        ("-note == 'a'", "note is text, not a number"),
        ("sum(captions) == 'a'", "not a number"),
        ("labels", "labels is a list of class names, not a condition.\n    Write, for example, count(labels) > 0."),
        ("not boxes", "count(boxes) > 0"),
        ("size and good", "size is a number, not a condition.\n    Write, for example, size != 0."),
        ("note or good", "note is text, not a condition"),
        ("any(size)", "not a condition"),
        ("count(good) == 1", "count(good == True)"),
        ("labels == labels", "labels == labels compares two lists item by item.\n    Write any(labels == labels)"),
        ("labels == []", "an empty list may mean several things.\n    Write count(labels) == 0."),
        ("labels < ['cat']", "without an order"),
        ("one < [1]", "lists have no order"),
        ("labels == [['cat']]", "labels is a list of class names, not such a list"),
        ("[1, 2, 3, 4] in boxes", "boxes == [1, 2, 3, 4]"),
        ("any(labels == frame_labels)", "labels is a list of items, and frame_labels is a sequence"),
        ("any(video.fps > 3)", "any(…) is for lists; video.fps > 3 is a condition"),
        ("max(row) == 3", "max(…) is for lists; row is a number"),
        ("count(any(labels == 'cat')) == 1", "is a condition, not a value"),
        ("(size > 2) == True", "size > 2 is a condition: it cannot be compared"),
        ("(size > 2) + 1 == 2", "size > 2 is a condition, not a value"),
        ("gone == None", "Write `is None` or `is not None`"),
        ("len(row) == 1", "row is a number: it has no length"),
        ("video[0] == 1", "video is a video: it has no item 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        ask(text)
    assert message in str(caught.value)


def test_text_is_compared_in_one_normal_form() -> None:
    composed, apart = (unicodedata.normalize(form, "caf\N{LATIN SMALL LETTER E WITH ACUTE}") for form in ("NFC", "NFD"))
    assert composed != apart
    for stored in (composed, apart):
        types = {"pets": ListOf(ClassName((stored,))), "note": Text(), "meta": AnyValue()}
        row = {"pets": [stored], "note": f"a {stored}", "meta": {stored: [stored]}}
        for written in (composed, apart):
            for text in (
                f"pets == '{written}'", f"'{written}' in pets", f"pets == ['{written}']", f"'{written}' in note",
                f"note == 'a {written}'", f"meta['{written}'] == '{written}'", f"'{written}' in meta.{written}",
                f"'{written}' in meta",
            ):  # fmt: skip
                assert ask(text, row, types), ascii((stored, text))


def test_nan_is_a_number_as_in_python() -> None:
    row = {**ROW, "size": float("nan"), "track": [1.0, float("nan"), 3.0]}
    for text in ("size == size", "size > 0", "size <= 0", "size in [0]", "all(track > 0)", "size is None"):
        assert not ask(text, row), text
    for text in (
        "size != size",
        "size != 0",
        "max(track) == 3",
        "min(track) == 1",
        "sum(track) == 4",
        "count(track) == 3",
    ):
        assert ask(text, row), text


def test_nothing_has_no_least_item_and_all_of_nothing_is_true() -> None:
    row = {**ROW, "track": [], "labels": []}
    for text in ("all(labels == 'cat')", "count(labels) == 0", "len(track) == 0", "sum(track) == 0"):
        assert ask(text, row), text
    for text in ("any(labels == 'cat')", "labels == 'cat'", "max(track) < 9", "min(track) != 9", "track[0] == 0"):
        assert not ask(text, row), text


def test_lists_of_different_lengths_are_not_equal() -> None:
    types: dict[str, ValueType] = {"a": ListOf(Number(), ITEMS), "b": ListOf(Number(), ITEMS)}
    row = {"a": [1, 2], "b": [1, 2, 3]}
    assert not ask("all(a == b)", row, types)
    assert ask("count(a == b) == 2", row, types)
    assert not ask("any(a + b > 4)", row, types)
    assert not ask("all(a > 0 and b > 0)", row, types)
    assert ask("all(a > 5 or b > 0)", row, types)


def test_a_constant_that_is_too_large_for_the_dtype() -> None:
    types: dict[str, ValueType] = {"a": Number("float32")}
    for text in ("a < 1e300", f"a < {'9' * 400}", f"a != -{'9' * 400}"):
        assert ask(text, {"a": 3.0}, types), text
    assert not ask("a * 1e300 * 1e300 < 1", {"a": 3.0}, types)
    assert not ask(f"a + {'9' * 400} > 1", {"a": 3.0}, types)  # no float is that large


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        found = Filter(text, TYPES, TYPES.__getitem__)
    except FilterError:
        return
    found.matches(ROW)


WORDS = [
    "labels", "frame_boxes", ".w", "size", "meta", ".a", "video", ".fps", "note", "row", "train", "/", "left-eye",
    "[0]", "==", "<", "in", "not", "and", "is", "None", "len(", "any(", "count(", "max(", ")", "(", "'cat'", "1", "+",
    "-", ",",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join))
def test_any_words_are_a_filter_or_a_filter_error(text: str) -> None:
    test_any_text_is_a_filter_or_a_filter_error.hypothesis.inner_test(text)


def test_of_a_dataset() -> None:
    ds = reelbase.empty("mem://filtered", overwrite=True)
    ds.create_tensor("left/size", htype="generic", dtype="int64")
    ds.create_tensor("points", htype="generic", dtype="float32")
    with ds:
        for n in range(20):
            ds.append({"left/size": n, "points": np.full((n % 4, 2), n, np.float32)})
    chosen = ds.filter("left/size >= 5 and len(points) == 3")
    assert chosen.numbers == ds.filter("left.size >= 5 and len(points) == 3").numbers == [7, 11, 15, 19]
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
    ds.a.extend([1, [2], 3])
    ds.b.extend([1, None])
    assert ds.filter("a > 0").numbers == [0, 1, 2]
    assert ds.filter("len(a) == 1 and a[0] == 2").numbers == [1]
    assert ds.filter("b > 0").numbers == [0]
    assert ds.filter("b is None").numbers == [1, 2]


def test_a_filter_is_checked_before_rows_are_there() -> None:
    ds = reelbase.empty("mem://filtered-empty", overwrite=True)
    ds.create_tensor("a")
    assert ds.filter("a > 0").numbers == []
    for text in ("b > 0", "a > 'x'", "a.b == 1"):
        with pytest.raises(FilterError):
            ds.filter(text)
        with pytest.raises(FilterError):
            ds.visualize(text, open_browser=False)

"""Samples of other tensors are written by what they mean there: views, rows, datasets, alone and in sequences."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelbase
from reelbase.errors import HtypeError, SampleIndexError, TensorNotFoundError, UsageError

MODES = ("LTRB", "LTWH", "CCWH")
THERE, HERE = ["walk", "jump", "run"], ["jump", "run", "sit", "walk"]


def _make(**tensors: dict[str, Any]) -> reelbase.Dataset:
    ds = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    for name, chosen in tensors.items():
        ds.create_tensor(name, **chosen)
    return ds


def _annotations(class_names: list[str], mode: str) -> dict[str, dict[str, Any]]:
    coords = {"type": "pixel", "mode": mode}
    return {
        "label": {"htype": "class_label", "class_names": class_names},
        "labels": {"htype": "sequence[class_label]", "class_names": class_names},
        "box": {"htype": "bbox", "coords": coords},
        "boxes": {"htype": "sequence[bbox]", "coords": coords},
        "text": {"htype": "text"},
        "json": {"htype": "json"},
        "array": {"dtype": "int32"},
    }


@pytest.fixture
def other() -> reelbase.Dataset:
    ds = _make(**_annotations(THERE, "LTWH"))
    ds.append(
        {
            "label": ["jump", "walk"],
            "labels": ["run", [], ["walk", "run"]],
            "box": [[10, 20, 30, 40], [1, 2, 3, 4]],
            "boxes": [[[10, 20, 30, 40]], [], [[0, 0, 2, 2], [4, 4, 2, 2]]],
            "text": "a jump",
            "json": {"a": [1, None]},
            "array": [[1, 2], [3, 4]],
        }
    )
    ds.append({**dict.fromkeys(ds.tensors), "labels": ["walk", "walk"], "boxes": [[[0, 0, 2, 2]], [[4, 4, 2, 2]]]})
    ds.label.append("run")
    return ds


@pytest.fixture
def ds() -> reelbase.Dataset:
    return _make(**_annotations(HERE, "CCWH"))


def _names(view: Any) -> Any:
    data = view.data()
    return [item["text"] for item in data] if isinstance(data, list) else data["text"]


def _plain(view: Any) -> Any:
    """A row's boxes as nested lists, also where items have different numbers of them."""
    value = view.numpy()
    return [item.tolist() for item in value] if isinstance(value, list) else value.tolist()


def test_a_dataset_is_joined(ds: reelbase.Dataset, other: reelbase.Dataset) -> None:
    ds.append({**dict.fromkeys(ds.tensors), "label": "sit"})
    before = ds.history.current.seq
    ds.extend(other)
    assert ds.history.current.seq == before + 1
    assert len(ds) == 4
    assert [view.exists for view in ds.label] == [True, True, False, True]
    assert _names(ds.label[1]) == ["jump", "walk"]
    assert ds.label[1].numpy().tolist() == [0, 3]
    assert _names(ds.label[3]) == ["run"]
    assert _names(ds.labels[1]) == [["run"], [], ["walk", "run"]]
    assert ds.labels[2].numpy().tolist() == [[3], [3]]
    assert _plain(ds.box[1]) == [[25, 40, 30, 40], [2.5, 4, 3, 4]]
    assert _plain(ds.boxes[1]) == [[[25, 40, 30, 40]], [], [[1, 1, 2, 2], [5, 5, 2, 2]]]
    assert _plain(ds.boxes[2]) == [[[1, 1, 2, 2]], [[5, 5, 2, 2]]]
    assert ds.text[1].data() == "a jump"
    assert ds.json[1].data() == {"a": [1, None]}
    assert ds.array[1].numpy().tolist() == [[1, 2], [3, 4]]
    assert not any(ds[name][row].exists for name in ("box", "text", "json", "array") for row in (0, 2, 3))


@pytest.mark.parametrize(
    "add",
    [
        lambda ds, other: ds.append(other[0]),
        lambda ds, other: ds.extend(other[:1]),
        lambda ds, other: ds.extend(other.filter("text == 'a jump'")),
        lambda ds, other: ds.append({name: tensor[0] for name, tensor in other.tensors.items()}),
        lambda ds, other: ds.extend({name: tensor[:1] for name, tensor in other.tensors.items()}),
        lambda ds, other: ds.extend({name: [tensor[0]] for name, tensor in other.tensors.items()}),
        lambda ds, other: ds.extend({name: iter(other[:1][name]) for name in other.tensors}),
        lambda ds, other: [tensor.append(other[name][0]) for name, tensor in ds.tensors.items()],
        lambda ds, other: [tensor.extend(other[:1][name]) for name, tensor in ds.tensors.items()],
        lambda ds, other: [ds.append(dict.fromkeys(ds.tensors)), ds.__setitem__(0, other[0])],
        lambda ds, other: [ds.append(dict.fromkeys(ds.tensors)), ds.__setitem__(slice(0, 1), other[:1])],
        lambda ds, other: [
            ds.append(dict.fromkeys(ds.tensors)),
            *(tensor.__setitem__(0, other[name][0]) for name, tensor in ds.tensors.items()),
        ],
        lambda ds, other: [
            ds.append(dict.fromkeys(ds.tensors)),
            *(tensor.__setitem__([0], other[name][:1]) for name, tensor in ds.tensors.items()),
        ],
        lambda ds, other: ds.append(other.copy(f"mem://{uuid.uuid4().hex}")[0]),
    ],
)
def test_every_way_to_write_a_row(
    ds: reelbase.Dataset, other: reelbase.Dataset, add: Callable[[reelbase.Dataset, reelbase.Dataset], object]
) -> None:
    add(ds, other)
    assert len(ds) == 1
    assert _names(ds.label[0]) == ["jump", "walk"]
    assert _names(ds.labels[0]) == [["run"], [], ["walk", "run"]]
    assert _plain(ds.box[0]) == [[25, 40, 30, 40], [2.5, 4, 3, 4]]
    assert _plain(ds.boxes[0]) == [[[25, 40, 30, 40]], [], [[1, 1, 2, 2], [5, 5, 2, 2]]]
    assert (ds.text[0].data(), ds.json[0].data()) == ("a jump", {"a": [1, None]})
    assert ds.array[0].numpy().tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (lambda other: other.label[0, 0], ["jump"]),
        (lambda other: other.label[0, 1:], ["walk"]),
        (lambda other: other.label[0][::-1], ["walk", "jump"]),
        (lambda other: other.label[0, [True, False]], ["jump"]),
        (lambda other: other.labels[0, 2], ["walk", "run"]),
        (lambda other: other.labels[0, -1, 1:], ["run"]),
        (lambda other: other.labels[1, 1], ["walk"]),
    ],
)
def test_parts_of_labels(
    ds: reelbase.Dataset, other: reelbase.Dataset, value: Callable[[reelbase.Dataset], object], names: list[str]
) -> None:
    ds.label.append(value(other))
    assert _names(ds.label[0]) == names


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (lambda other: other.labels[0, 1:], [[], ["walk", "run"]]),
        (lambda other: other.labels[0, [2, 0]], [["walk", "run"], ["run"]]),
        (lambda other: other.labels[1, :1], [["walk"]]),
        (lambda other: [other.label[0], "sit", other.labels[0, 2]], [["jump", "walk"], ["sit"], ["walk", "run"]]),
        (lambda other: (other.label[0, k] for k in range(2)), [["jump"], ["walk"]]),
        (lambda other: iter(other.labels[1]), [["walk"], ["walk"]]),
        (lambda other: other.label[0:3:2], [["jump", "walk"], ["run"]]),
    ],
)
def test_parts_of_sequences(
    ds: reelbase.Dataset, other: reelbase.Dataset, value: Callable[[reelbase.Dataset], object], names: list[list[str]]
) -> None:
    ds.labels.append(value(other))
    data = ds.labels[0].data()
    found = data["text"] if isinstance(data, dict) else [item["text"] for item in data]
    assert found == names


def test_items_of_a_sequence_become_rows(ds: reelbase.Dataset, other: reelbase.Dataset) -> None:
    ds.box.extend(other.boxes[0])
    ds.box.extend(other.boxes[1, ::-1])
    assert [_plain(row) for row in ds.box] == [
        [[25, 40, 30, 40]], [], [[1, 1, 2, 2], [5, 5, 2, 2]], [[5, 5, 2, 2]], [[1, 1, 2, 2]],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "error", "words"),
    [
        (lambda ds, other: ds.label.append(other.text[0]), HtypeError, "Row 0 of tensor 'text': 'a jump' is not among"),
        (lambda ds, other: ds.label.append(other.box[0]), HtypeError, "no meaning"),
        (lambda ds, other: ds.box.append(other.label[0]), HtypeError, "no meaning"),
        (lambda ds, other: ds.text.append(other.json[0]), HtypeError, "is of type dict, not text"),
        (lambda ds, other: ds.json.append(other.label[0]), HtypeError, "no meaning"),
        (lambda ds, other: ds.box.append(other.box[0, :, 1]), UsageError, "cuts through"),
        (lambda ds, other: ds.box.append(other.box[0, 1, ::-1]), UsageError, "cuts through"),
        (lambda ds, other: ds.box.append(other.box[0, [1, 0, 1, 0], [0, 1, 2, 3]]), UsageError, "cuts through"),
        (lambda ds, other: ds.box.append(other.box[:1]), UsageError, "One sample was expected"),
        (lambda ds, other: ds.box.append(other.box), UsageError, "One sample was expected"),
        (lambda ds, other: ds.box.append(other.boxes[1]), HtypeError, "is a sequence"),
        (lambda ds, other: ds.boxes.append(other.box[0]), HtypeError, "is one item"),
        (lambda ds, other: ds.box.append([other.box[0, 0], other.box[0, 1]]), HtypeError, "A list that holds samples"),
        (lambda ds, other: ds.box.append([[other.box[0, 0]]]), HtypeError, "A list that holds samples"),
        (lambda ds, other: ds.boxes.append([[other.box[0, 0]]]), HtypeError, "A list that holds samples"),
        (lambda ds, other: ds.boxes.append(_as_objects(other.box[0])), HtypeError, "Give a list"),
        (lambda ds, other: ds.label.append(["sit", other.label[0, 0]]), HtypeError, "A list that holds samples"),
        (lambda ds, other: ds.box.extend(other.box[0]), UsageError, "is one sample, not several"),
        (lambda ds, other: ds.box.append(other[0]), UsageError, "is not a sample"),
        (lambda ds, other: ds.json.append({"a": other.json[0]}), HtypeError, "not JSON"),
        (lambda ds, other: ds.append(other[:1]), UsageError, "is not one row"),
        (lambda ds, other: ds.extend(other[0]), UsageError, "is one row"),
        (lambda ds, other: ds.array.append(other.text[0]), HtypeError, "not numbers"),
        (lambda ds, other: ds.box.append(other.box[7]), SampleIndexError, "Row 7"),
    ],
)
def test_refused(
    ds: reelbase.Dataset,
    other: reelbase.Dataset,
    write: Callable[[reelbase.Dataset, reelbase.Dataset], object],
    error: type[Exception],
    words: str,
) -> None:
    before = ds.history.current
    with pytest.raises(error, match=words):
        write(ds, other)
    assert ds.history.current == before
    assert len(ds) == 0


def _as_objects(*values: object) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_names_that_are_missing_here(other: reelbase.Dataset) -> None:
    ds = _make(label={"htype": "class_label", "class_names": ["walk"]}, ids={"htype": "class_label"})
    with pytest.raises(HtypeError, match=r"Row 0 of tensor 'label': 'jump' is not among .*\n.*add_class_names"):
        ds.label.extend(other.label)
    with pytest.raises(HtypeError, match="this tensor has no class names"):
        ds.ids.append(other.label[0])
    ds.ids.append(3)
    with pytest.raises(HtypeError, match="the other tensor has no class names"):
        ds.label.append(ds.ids[0])
    assert len(ds.label) == 0
    ds.label.add_class_names(other.label.meta["class_names"])
    ds.label.extend(other.label)
    assert _names(ds.label[0]) == ["jump", "walk"]
    ds.ids.extend(ds.ids)
    assert ds.ids.numpy().tolist() == [[3], [3]]


def test_tensors_that_do_not_match(ds: reelbase.Dataset, other: reelbase.Dataset) -> None:
    other.create_tensor("more")
    with pytest.raises(TensorNotFoundError, match="more"):
        ds.extend(other)
    other.delete_tensor("more")
    ds.create_tensor("own")
    with pytest.raises(UsageError, match="'own'"):
        ds.extend(other)
    assert len(ds) == 0


def test_arrays_without_a_meaning_are_numbers(ds: reelbase.Dataset, other: reelbase.Dataset) -> None:
    ds.array.append(other.label[0])
    ds.array.append([other.label[0], other.label[0]])
    ds.label.append(ds.array[0])
    ds.box.append(other.array[0, [0, 0, 1, 1], [0, 1, 0, 1]])
    ds.create_tensor("arrays", htype="sequence[generic]").append(other.boxes[1])
    ds.arrays.append(other.box[0])
    assert ds.array[0].numpy().tolist() == [1, 0]
    assert ds.array[1].numpy().tolist() == [[1, 0], [1, 0]]
    assert _names(ds.label[0]) == ["run", "jump"]
    assert _plain(ds.box[0]) == [[1, 2, 3, 4]]
    assert ds.arrays[0].shape == (2, 1, 4)
    assert ds.arrays[1].numpy().tolist() == other.box[0].numpy().tolist()


def test_strings_go_between_text_json_and_labels(ds: reelbase.Dataset, other: reelbase.Dataset) -> None:
    ds.json.append(other.text[0])
    ds.text.append(ds.json[0])
    ds.text.append(other.text[0][0])
    ds.json.append(["run", "jump"])
    ds.label.append(ds.json[1])
    assert [ds.json[0].data(), ds.text[0].data(), ds.text[1].data()] == ["a jump"] * 3
    assert _names(ds.label[0]) == ["run", "jump"]


def test_dtypes_are_those_of_the_tensor_written_to() -> None:
    ltwh = {"type": "pixel", "mode": "LTWH"}
    ds = _make(
        wide={"htype": "bbox", "dtype": "float64", "coords": ltwh},
        whole={"htype": "bbox", "dtype": "int16", "coords": {"type": "pixel", "mode": "CCWH"}},
        small={"htype": "class_label", "dtype": "uint8", "class_names": THERE},
        large={"htype": "class_label", "class_names": HERE},
    )
    ds.wide.append([[1, 2, 4, 6]])
    ds.whole.append(ds.wide[0])
    assert ds.whole[0].numpy().dtype == np.int16
    assert _plain(ds.whole[0]) == [[3, 5, 4, 6]]
    ds.wide.append([[1, 2, 3, 6]])
    with pytest.raises(HtypeError, match=r"2\.5 .* does not fit"):
        ds.whole.append(ds.wide[1])
    ds.wide.append(ds.whole[0])
    assert _plain(ds.wide[2]) == [[1, 2, 4, 6]]
    ds.large.append("run")
    ds.small.append(ds.large[0])
    assert ds.small[0].numpy().dtype == np.uint8
    assert _names(ds.small[0]) == ["run"]


def test_inside_a_transaction(ds: reelbase.Dataset, other: reelbase.Dataset) -> None:
    with other:
        other.label.append("run")
        with ds:
            ds.label.append("sit")
            ds.label.extend(other.label)
            ds.label.extend(ds.label)
    names = [["sit"], ["jump", "walk"], None, ["run"], ["run"]]
    assert [_names(view) if view.exists else None for view in ds.label] == names * 2


def test_many_rows_go_page_by_page() -> None:
    ds, other = (_make(label={"htype": "class_label", "class_names": names}) for names in (HERE, THERE))
    other.label.extend([k % 3 if k % 7 else None for k in range(200)])
    ds.label.extend(other.label[::-1])
    ds.extend(other[[5, 0, 130]])
    wanted = [[THERE[k % 3]] if k % 7 else None for k in [*range(199, -1, -1), 5, 0, 130]]
    assert [data and data["text"] for data in ds.label.data()] == wanted


_BOXES = st.lists(st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(0, 250)] * 2), max_size=4)


@settings(max_examples=40)
@given(boxes=_BOXES, modes=st.permutations(MODES), dtypes=st.tuples(*[st.sampled_from(["float32", "float64"])] * 2))
def test_boxes_there_and_back(boxes: list[tuple[int, ...]], modes: list[str], dtypes: tuple[str, str]) -> None:
    here, there = (
        _make(box={"htype": "bbox", "coords": {"type": "pixel", "mode": mode}, "dtype": dtype})
        for mode, dtype in zip(modes, dtypes, strict=False)
    )
    given_boxes = np.array(boxes, float).reshape(-1, 4)
    if modes[0] == "LTRB":
        given_boxes[:, 2:] += given_boxes[:, :2]
    here.box.append(given_boxes)
    there.extend(here)
    here.extend(there)
    assert here.box[1].numpy().tolist() == given_boxes.tolist()
    shown = [_edges(ds.box[0].numpy().astype(float), ds.box.meta["coords"]["mode"]) for ds in (here, there)]
    np.testing.assert_array_equal(*shown)


def _edges(boxes: Any, mode: str) -> Any:
    """Left, top, right and bottom, by the definition of the modes."""
    first, second = boxes[:, :2], boxes[:, 2:]
    left_top = first - second / 2 if mode == "CCWH" else first
    return np.hstack([left_top, second if mode == "LTRB" else left_top + second])


@pytest.fixture
def with_pictures() -> reelbase.Dataset:
    ds = _make(
        image={"htype": "image", "sample_compression": "png"},
        mask={"htype": "image", "sample_compression": "png"},
        box={"htype": "bbox", "coords": {"type": "fractional", "mode": "LTWH"}},
        boxes={"htype": "sequence[bbox]", "coords": {"type": "fractional", "mode": "LTWH"}},
    )
    box, picture = [0.25, 0.5, 0.5, 0.25], np.zeros((100, 200, 3), np.uint8)
    ds.append({"image": picture, "mask": picture, "box": box, "boxes": [box, []]})
    ds.append({"image": picture, "mask": picture[:50], "box": box, "boxes": [box]})
    ds.append({"image": None, "mask": None, "box": box, "boxes": [box]})
    return ds


@pytest.mark.needs_av
def test_fractions_become_pixels_where_the_picture_is_known(with_pictures: reelbase.Dataset) -> None:
    coords = {"type": "pixel", "mode": "LTRB"}
    ds = _make(box={"htype": "bbox", "coords": coords}, boxes={"htype": "sequence[bbox]", "coords": coords})
    ds.box.append(with_pictures.box[0])
    ds.box.append(with_pictures[0].box)
    ds.append({"box": with_pictures[:1].box[0, 0], "boxes": with_pictures.boxes[0]})
    assert [_plain(row) for row in ds.box] == [[[50, 50, 150, 75]]] * 3
    assert _plain(ds.boxes[2]) == [[[50, 50, 150, 75]], []]
    for row in (1, 2):
        with pytest.raises(HtypeError, match=f"Row {row} of tensor 'box': .* from fractional to pixel"):
            ds.box.append(with_pictures.box[row])

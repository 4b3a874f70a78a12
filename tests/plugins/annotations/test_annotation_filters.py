"""What filters ask of boxes, labels, text and JSON in a dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import reelbase
from reelbase.errors import FilterError
from reelbase_plugins.annotations import box_coords

#: Three boxes as left, top, right, bottom; in pixels.
EDGES = np.array([[0, 0, 10, 20], [10, 20, 40, 30], [2, 4, 2, 4]], float)


@pytest.fixture
def ds() -> Iterator[reelbase.Dataset]:
    """Four rows: with boxes and labels, with frames that have none, without frames, and without samples."""
    ds = reelbase.empty("mem://annotation-filters", overwrite=True)
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.create_tensor("labels", htype="sequence[class_label]", class_names=["cat", "dog"])
    ds.create_tensor("action", htype="class_label", class_names=["walk", "jump"])
    ds.create_tensor("ids", htype="class_label")
    ds.create_tensor("note", htype="text")
    ds.create_tensor("camera/lens", htype="json")
    ds.append({"boxes": [[[0, 0, 60, 9], [0, 0, 1, 1]], []], "labels": [["cat", "dog"], []], "action": "walk",
               "ids": [3, 4], "note": "left", "camera/lens": {"mm": 35}})  # fmt: skip
    ds.append({"boxes": [[], []], "labels": [[], []], "action": ["jump", "walk"], "ids": [], "note": "right",
               "camera/lens": None})  # fmt: skip
    ds.append({"boxes": [], "labels": [], "action": [], "ids": 3, "note": "", "camera/lens": [{"mm": 50}]})
    ds.append(dict.fromkeys(ds.tensors))
    return ds


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("len(boxes) > 0", [0, 1]),  # frames
        ("count(boxes) > 0", [0]),
        ("count(boxes) == 0", [1, 2]),
        ("boxes is None", [3]),
        ("any(boxes.w > 50)", [0]),
        ("any(labels == 'cat' and boxes.w > 50)", [0]),
        ("any(labels == 'dog' and boxes.w > 50)", []),
        ("count(labels == 'cat') == 1", [0]),
        ("labels == 'dog'", [0]),
        ("not labels == 'dog'", [1, 2, 3]),
        ("action == 'walk'", [0, 1]),
        ("action == ['jump', 'walk']", [1]),
        ("count(action) == 2", [1]),
        ("ids == 3", [0, 2]),
        ("max(ids) > 3", [0]),
        ("'ight' in note or len(note) == 0", [1, 2]),
        ("camera/lens.mm >= 35 and camera.lens.mm < 60", [0, 2]),
        ("camera/lens.m > 0", []),
    ],
)
def test_rows(ds: reelbase.Dataset, where: str, rows: list[int]) -> None:
    assert ds.filter(where).numbers == rows


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("action == 'wlak'", "Did you mean 'walk'?"),
        ("ids == 'walk'", "ids is a list of numbers, and 'walk' is text"),
        ("boxes.wide > 3", "boxes has no field 'wide'"),
        ("boxes.x > 3", "Write left (the edge) or cx (the centre)."),
        ("note > 3", "They cannot be compared."),
        ("labels > 'a'", "without an order"),
        ("camera.lense.mm == 3", "Did you mean 'camera/lens'?"),
    ],
)
def test_refused(ds: reelbase.Dataset, where: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        ds.filter(where)
    assert message in str(caught.value)


@pytest.mark.parametrize("mode", box_coords.MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_fields_of_boxes_in_any_mode(mode: str, dtype: str) -> None:
    """Those of the same boxes are the same, however they are stored."""
    ds = reelbase.empty("mem://box-fields", overwrite=True)
    ds.create_tensor("boxes", htype="bbox", dtype=dtype, coords={"type": "pixel", "mode": mode})
    edges = {"type": "pixel", "mode": "LTRB"}
    ds.boxes.append(box_coords.convert(EDGES, edges, {"type": "pixel", "mode": mode}))
    wanted = {
        "left": [0, 10, 2], "top": [0, 20, 4], "right": [10, 40, 2], "bottom": [20, 30, 4], "w": [10, 30, 0],
        "h": [20, 10, 0], "cx": [5, 25, 2], "cy": [10, 25, 4], "area": [200, 300, 0],
    }  # fmt: skip
    for name, values in wanted.items():
        assert ds.filter(f"boxes.{name} == {values}").numbers == [0], name


def test_fractions_are_found_as_they_were_added() -> None:
    ds = reelbase.empty("mem://fractions", overwrite=True)
    ds.create_tensor("boxes", htype="bbox", coords={"type": "fractional", "mode": "CCWH"})
    ds.boxes.append([0.5, 0.5, 0.1, 0.3])
    assert ds.filter("boxes.w == 0.1 and boxes.h <= 0.3 and boxes == [0.5, 0.5, 0.1, 0.3]").numbers == [0]
    assert ds.filter("boxes.w > 0.1").numbers == []

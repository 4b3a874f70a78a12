from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbase.errors import HtypeError
from reelbase_plugins.annotations.bbox import BBox


def bbox(kind: str = "pixel", mode: str = "LTWH") -> BBox:
    return BBox(coords={"type": kind, "mode": mode})


def test_settings_make_an_equal_one():
    assert BBox().settings() == {"coords": {"type": "pixel", "mode": "LTWH"}}
    again = BBox(**bbox("fractional", "CCWH").settings())
    assert again.coords == {"type": "fractional", "mode": "CCWH"}


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ([1, 2, 3, 4], (1, 4)),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], (2, 4)),
        ([], (0, 4)),
        (np.zeros((0, 4)), (0, 4)),
        (np.array([[1.5, 2, 3, 4]]), (1, 4)),
        (pd.DataFrame([[1, 2, 3, 4]]), (1, 4)),
    ],
)
def test_shapes(value, shape):
    made = BBox().check(value)
    assert made.shape == shape
    if made.size:
        np.testing.assert_array_equal(made, np.asarray(value).reshape(shape))


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, 3],
        [[1, 2, 3, 4, 5]],
        5,
        [[]],
        np.zeros((3, 0)),
        np.zeros((2, 1, 4)),
        [[1, 2, 3, 4], [5, 6]],
        "1,2,3,4",
        [None] * 4,
        [True, False, True, True],
        [1j, 0, 0, 0],
    ],
)
def test_no_boxes(value):
    with pytest.raises(HtypeError):
        BBox().check(value)


@pytest.mark.parametrize(
    ("htype", "box", "says"),
    [
        (bbox(), [1, 2, np.nan, 4], "not finite"),
        (bbox(), [1, np.inf, 3, 4], "not finite"),
        (bbox(), [1, 2, -3, 4], "negative extent"),
        (bbox(mode="CCWH"), [1, 2, 3, -4], "negative extent"),
        (bbox(mode="LTRB"), [10, 2, 3, 4], "ends before it starts"),
        (bbox("fractional"), [0.5, 0.5, 0.6, 0.1], "outside the picture"),
        (bbox("fractional"), [100, 20, 30, 40], 'Is the type "pixel"'),
        (bbox("fractional", "CCWH"), [0.1, 0.5, 0.3, 0.1], "outside the picture"),
        (bbox("fractional", "LTRB"), [0.1, 0.5, 1.3, 0.9], "outside the picture"),
    ],
)
def test_values_refused_by_name(htype, box, says):
    good = [0, 0, 0.1, 0.1] if htype.coords["mode"] != "CCWH" else [0.5, 0.5, 0.1, 0.1]
    with pytest.raises(HtypeError, match=says) as caught:
        htype.check([good, box])
    assert "Box 1," in str(caught.value)


@pytest.mark.parametrize(
    ("htype", "box"),
    [
        (bbox(), [-20, -5, 3000, 4]),  # reaches out of the picture
        (bbox(), [0, 0, 0, 0]),  # LaSOT's absent target
        (bbox(mode="LTRB"), [5, 5, 5, 5]),
        (bbox("fractional"), [0.34, 0, 0.67, 1]),  # rounded to two decimals: the right edge is 1.01
        (bbox("fractional", "CCWH"), [0.5, 0.5, 1, 1]),
    ],
)
def test_values_allowed(htype, box):
    assert htype.check(box).tolist() == [box]


def test_the_dtype_is_left_for_the_tensor_to_cast():
    assert BBox().check([[0.1, 0.2, 0.3, 0.4]]).dtype == np.float64
    assert BBox().check(np.array([[2**24 + 1, 0, 1, 1]]))[0, 0] == 2**24 + 1
    assert BBox().dtype == "float32"


def test_data():
    array = np.array([[1, 2, 3, 4]], np.float32)
    shown = bbox("pixel", "LTRB").data(array)
    assert shown["value"] is array
    assert shown["coords"] == {"type": "pixel", "mode": "LTRB"}


def test_a_stack_is_checked_at_once():
    stack = np.arange(2788 * 4, dtype=np.float64).reshape(2788, 1, 4)
    made = BBox().check_many(stack)
    assert made is not None
    np.testing.assert_array_equal(made, stack)
    assert BBox().check_many(stack[:, 0]).shape == (2788, 1, 4)
    np.testing.assert_array_equal(made[5], BBox().check(stack[5]))


@pytest.mark.parametrize(
    "value", [np.zeros((0, 1, 4)), np.zeros((2, 5)), [[[1, 2, 3, 4]], []], [[1, 2, -3, 4]], "no", np.zeros(4)]
)
def test_a_stack_that_is_none_is_left_to_check(value):
    assert BBox().check_many(value) is None

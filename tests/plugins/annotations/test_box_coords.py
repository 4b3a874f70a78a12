from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reelbase.errors import HtypeError, UsageError
from reelbase_plugins.annotations.box_coords import MODES, TYPES, check_coords, convert

COORDS = [{"type": kind, "mode": mode} for kind in TYPES for mode in MODES]
#: One box, 10 wide and 20 high, in a picture 200 wide and 100 high.
BOX = {
    ("pixel", "LTRB"): [30, 40, 40, 60],
    ("pixel", "LTWH"): [30, 40, 10, 20],
    ("pixel", "CCWH"): [35, 50, 10, 20],
    ("fractional", "LTRB"): [0.15, 0.4, 0.2, 0.6],
    ("fractional", "LTWH"): [0.15, 0.4, 0.05, 0.2],
    ("fractional", "CCWH"): [0.175, 0.5, 0.05, 0.2],
}


@pytest.mark.parametrize("source", COORDS)
@pytest.mark.parametrize("target", COORDS)
def test_every_pair_of_coordinates(source, target):
    made = convert(np.array([BOX[tuple(source.values())]]), source, target, size=(100, 200))
    assert made.shape == (1, 4)
    np.testing.assert_allclose(made[0], BOX[tuple(target.values())], rtol=1e-12)


@given(
    boxes=arrays(np.float64, (3, 4), elements=st.floats(0, 4000, width=32)),
    source=st.sampled_from(COORDS),
    target=st.sampled_from(COORDS),
    size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
)
def test_there_and_back(boxes, source, target, size):
    there = convert(boxes, source, target, size=size)
    np.testing.assert_allclose(convert(there, target, source, size=size), boxes, rtol=1e-9, atol=1e-8)


def test_dtypes_and_leading_axes():
    pixel = {"type": "pixel", "mode": "LTWH"}
    boxes = np.ones((7, 2, 4), np.float32)
    assert convert(boxes, pixel, {**pixel, "mode": "CCWH"}).dtype == np.float32
    made = convert(boxes.astype(np.int64), pixel, {**pixel, "mode": "CCWH"})
    assert made.dtype == np.float64
    assert made.shape == (7, 2, 4)
    assert made[0, 0].tolist() == [1.5, 1.5, 1, 1]
    assert convert(np.zeros((0, 4)), pixel, pixel).shape == (0, 4)


@pytest.mark.parametrize("size", [None, (0, 10), (10, -1)])
def test_a_change_of_type_needs_a_size(size):
    with pytest.raises(UsageError, match="from pixel to fractional"):
        convert(np.ones((1, 4)), COORDS[0], COORDS[3], size=size)


def test_a_last_axis_of_five():
    with pytest.raises(HtypeError, match=r"\(2, 5\)"):
        convert(np.ones((2, 5)), COORDS[0], COORDS[1])


@pytest.mark.parametrize(
    ("coords", "says"),
    [
        ({"type": "banana", "mode": "LTWH"}, "'banana' is not a box type"),
        ({"type": "pixels", "mode": "LTWH"}, "Did you mean 'pixel'"),
        ({"type": "pixel", "mode": "ltwh"}, "Did you mean 'LTWH'"),
        ({"type": "pixel", "mode": "XYZ"}, "'LTRB', 'LTWH', 'CCWH'"),
        ({"type": "pixel"}, "has no 'mode'"),
        ({"type": "pixel", "mode": "LTWH", "modes": 1}, "no key 'modes'"),
        ({"type": ["pixel"], "mode": "LTWH"}, "is not a box type"),
        ("LTWH", "is not a dict"),
    ],
)
def test_wrong_coords(coords, says):
    with pytest.raises(HtypeError, match=says):
        check_coords(coords)

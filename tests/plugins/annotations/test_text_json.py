from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase.errors import HtypeError
from reelbase_plugins.annotations.json import Json
from reelbase_plugins.annotations.text import Text

SENDABLE = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | SENDABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SENDABLE, inner, max_size=4),
)


@given(SENDABLE)
def test_text_comes_back(text):
    stored = Text().check(text)
    assert stored.dtype == np.uint8
    assert stored.tobytes() == text.encode()
    assert Text().data(stored) == text
    shown = Text().numpy(stored)
    assert shown.shape == (1,)
    assert shown[0] == text.rstrip("\0")
    assert Text().data(Text().check(shown)) == text.rstrip("\0")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"abc", "decode"),
        (5, "5 is of type int"),
        (None, "NoneType"),
        (["a"], "sequence"),
        (np.array(["a", "b"]), "not text"),
        (np.array([5]), "not text"),
        ("a\ud800b", "lone surrogate, '\\\\ud800' at position 1"),
    ],
)
def test_what_text_may_not_be(value, says):
    with pytest.raises(HtypeError, match=says):
        Text().check(value)


@given(VALUES)
def test_json_comes_back(value):
    stored = Json().check(value)
    assert stored.dtype == np.uint8
    assert Json().data(stored) == value
    shown = Json().numpy(stored)
    assert shown.shape == (1,)
    assert shown.dtype == object
    assert shown[0] == value
    assert Json().check(shown).tobytes() == stored.tobytes()


def test_json_is_compact_utf8():
    assert Json().check({"a": [1, 2], "ü": None}).tobytes() == '{"a":[1,2],"ü":null}'.encode()


def test_tuples_and_numpy_scalars():
    value = {"a": (1, np.int64(2)), "b": np.float32(0.5), "c": np.bool_(True), "d": np.str_("x")}
    assert Json().data(Json().check(value)) == {"a": [1, 2], "b": 0.5, "c": True, "d": "x"}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [0, {1}]}, r"\$\.a\[1\]: \{1\} is of type set"),
        ({"a": np.zeros(3)}, r"\$\.a: .*\n.*tolist"),
        ({"a": {1: 2}}, r"\$\.a: the key 1 is of type int"),
        ([0, math.nan], r"\$\[1\]: JSON does not have nan"),
        (math.inf, r"\$: JSON does not have inf"),
        (np.float32("nan"), "JSON does not have nan"),
        (["\ud800"], "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        (b"x", "is of type bytes"),
        (object(), "is of type object"),
        (1j, "is of type complex"),
        ([10**5000], "digits"),
    ],
)
def test_what_json_may_not_hold(value, says):
    with pytest.raises(HtypeError, match=says):
        Json().check(value)


def test_a_value_that_holds_itself():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(HtypeError, match="200 levels"):
        Json().check(loop)


def test_as_deep_as_allowed():
    value: object = 1
    for _ in range(200):
        value = [value]
    assert Json().data(Json().check(value)) == value
    with pytest.raises(HtypeError, match="200 levels"):
        Json().check([value])

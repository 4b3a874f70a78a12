"""The annotation htypes keep the htype contract."""

from __future__ import annotations

import numpy as np
import pytest

from reelbase.testing import HtypeCase, HtypeTests
from reelbase_plugins.annotations.bbox import BBox
from reelbase_plugins.annotations.class_label import ClassLabel
from reelbase_plugins.annotations.json import Json
from reelbase_plugins.annotations.text import Text

_BAD_COORDS = [{"coords": {"type": "pixels", "mode": "LTRB"}}, {"coords": {"type": "pixel", "mode": "TLBR"}}]


class TestPixelBoxes(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        return HtypeCase(
            htype=BBox(coords={"type": "pixel", "mode": "LTRB"}),
            good=[[1, 2, 3, 4], [[1.5, 2, 3, 4], [-5, 0, 9, 9]], np.zeros((0, 4)), []],
            shown=[[[1, 2, 3, 4]], [[1.5, 2, 3, 4], [-5, 0, 9, 9]], np.zeros((0, 4)), np.zeros((0, 4))],
            bad=[[3, 2, 1, 4], [1, 2, 3], "box", [[1, 2, 3, np.nan]], np.zeros((2, 2, 4)), None, 1j],
            bad_settings=_BAD_COORDS,
            foreign=[
                (BBox(), [10, 20, 3, 4], [10.0, 20, 13, 24]),
                (BBox(coords={"type": "pixel", "mode": "CCWH"}), [[10, 20, 3, 4]] * 2, [[8.5, 18, 11.5, 22]] * 2),
                (BBox(coords={"type": "fractional", "mode": "LTWH"}), [0.25, 0.5, 0.5, 0.25], [50.0, 50, 150, 75]),
                (BBox(coords={"type": "fractional", "mode": "LTRB"}), [], []),
                (ClassLabel(), [1, 2, 3, 4], None),
                (Json(), [1, 2, 3, 4], None),
            ],
            picture_size=(100, 200),
        )


class TestFractionalBoxes(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        return HtypeCase(
            htype=BBox(coords={"type": "fractional", "mode": "CCWH"}),
            good=[[0.5, 0.5, 1, 1], [[0.1, 0.2, 0.1, 0.1]] * 3],
            bad=[[0.5, 0.5, 1.2, 1], [10, 10, 5, 5], [0.5, 0.5, -0.1, 0.1]],
            bad_settings=_BAD_COORDS,
            foreign=[
                (BBox(coords={"type": "fractional", "mode": "LTRB"}), [0.25, 0.5, 0.75, 1], [0.5, 0.75, 0.5, 0.5]),
                (BBox(), [1, 2, 3, 4], None),  # of a picture whose size is not known
            ],
        )


class TestClassLabels(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        return HtypeCase(
            htype=ClassLabel(class_names=["cat", "dog"]),
            good=["cat", 1, ["dog", 0, "cat"], np.array([1, 0]), []],
            shown=[np.uint32([0]), np.uint32([1]), np.uint32([1, 0, 0]), np.uint32([1, 0]), np.zeros(0, np.uint32)],
            bad=["cow", 2, -1, 0.5, True, None, [["cat"]], np.array([0, 7])],
            bad_settings=[{"class_names": ["a", "a"]}, {"class_names": [1]}, {"class_names": [""]}],
            foreign=[
                (ClassLabel(class_names=["cow", "dog", "cat"]), ["cat", "dog"], ["cat", "dog"]),
                (ClassLabel(class_names=["cow", "dog", "cat"]), [], []),
                (ClassLabel(class_names=["cow", "dog", "cat"]), ["cat", "cow"], None),
                (ClassLabel(class_names=["cat", "dog", "cow"]), 0, "cat"),
                (ClassLabel(), 0, None),
                (Text(), "dog", "dog"),
                (Text(), "cow", None),
                (Json(), ["dog", "cat"], ["dog", "cat"]),
                (BBox(), [], None),
            ],
        )


class TestFreeClassLabels(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        return HtypeCase(
            htype=ClassLabel(),
            good=[0, [5, 1 << 31]],
            bad=["cat", -1, 1 << 32],
            foreign=[(ClassLabel(class_names=["cat"]), "cat", None)],
        )


class TestText(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        return HtypeCase(
            htype=Text(),
            good=["", "two\nlines", "動画"],
            bad=[b"bytes", 1, None, ["a"], "\ud800"],
            foreign=[(Json(), "a", "a"), (Json(), ["a"], None), (ClassLabel(class_names=["a"]), "a", None)],
        )


class TestJson(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        good = [None, 1, 1.5, "a", [1, "b", None], {"a": {"b": [True]}}]
        return HtypeCase(
            htype=Json(),
            good=good,
            bad=[{1, 2}, float("nan"), b"bytes", {"a": object()}],
            foreign=[(Text(), "a", "a"), (BBox(), [1, 2, 3, 4], None)],
        )

"""The htype keypoints keeps reelbase's htype contract, and what is particular to it."""

from __future__ import annotations

import numpy as np
import pytest
from reelbase_vault.keypoints import Keypoints

from reelbase.errors import HtypeError
from reelbase.testing import HtypeCase, HtypeTests


class TestKeypoints(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        return HtypeCase(
            htype=Keypoints(names=["nose", "hand"]),
            good=[[[1, 2, 2], [3.5, 4, 1]], np.zeros((2, 3)), {"hand": (1, 2, 2)}, {}],
            shown=[[[1, 2, 2], [3.5, 4, 1]], np.zeros((2, 3)), [[0, 0, 0], [1, 2, 2]], np.zeros((2, 3), int)],
            bad=[
                None,
                "nose",
                {"nose": (1, 2)},
                {"foot": (1, 2, 2)},
                [1, 2, 3],
                np.zeros((3, 3)),
                [[1, 2, 3], [0, 0, 0]],
                [[np.nan, 1, 1], [0, 0, 0]],
            ],
            foreign=[
                (Keypoints(names=["hand", "nose"]), [[1, 2.5, 2], [3, 4, 1]], [[3, 4, 1], [1, 2.5, 2]]),
                (Keypoints(names=["foot", "nose"]), [[0, 0, 0], [3.5, 4, 1]], {"nose": (3.5, 4, 1)}),
                (Keypoints(names=["foot", "nose"]), [[1, 2, 2], [3, 4, 1]], None),
            ],
            bad_settings=[{"names": []}, {"names": "nose"}, {"names": ["a", "a"]}, {"names": [1]}, {"names": None}],
        )


def test_data_names_the_points() -> None:
    htype = Keypoints(names=["nose", "hand"])
    stored = htype.check({"hand": (5, 6, 2)})
    assert htype.data(stored)["points"] == {"hand": [5, 6, 2]}


def test_many_at_once() -> None:
    htype = Keypoints(names=["nose"])
    assert htype.check_many(np.ones((1000, 1, 3))) is not None
    assert htype.check_many(np.full((1000, 1, 3), 7)) is None


def test_the_error_names_the_point() -> None:
    with pytest.raises(HtypeError, match=r"'hand' is \[1\.0, nan, 2\.0\]"):
        Keypoints(names=["nose", "hand"]).check([[0, 0, 0], [1, np.nan, 2]])

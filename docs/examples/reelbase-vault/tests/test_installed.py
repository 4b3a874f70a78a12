"""Installed, reelbase finds the plugin by itself: a dataset in a vault, and a tensor of keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import reelbase
from reelbase.errors import HtypeError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_dataset_in_a_vault(tmp_path: Path) -> None:
    url = f"vault://{tmp_path}/poses.db"
    ds = reelbase.empty(url)
    ds.create_tensor("pose", htype="keypoints", names=["nose", "hand"])
    ds.create_tensor("track", htype="sequence[keypoints]", names=["nose"])
    ds.create_tensor("noise", htype="generic")
    track = np.concatenate([np.arange(20).reshape(10, 1, 2), np.full((10, 1, 1), 2)], axis=-1)
    noise = np.random.default_rng(0).random((500, 1000))
    ds.append({"pose": {"nose": (10, 20, 2)}, "track": track, "noise": noise})
    ds.append({"pose": [[1, 2, 1], [3, 4, 2]], "track": track[:3], "noise": noise[:1]})

    again = reelbase.load(url)
    assert len(again) == 2
    assert again.pose[0].numpy().tolist() == [[10, 20, 2], [0, 0, 0]]
    assert again.pose[0].data()["points"] == {"nose": [10, 20, 2]}
    assert np.array_equal(again.track[0].numpy(), track)
    assert np.array_equal(again.noise[0].numpy(), noise)
    assert [path.name for path in tmp_path.iterdir()] == ["poses.db"], "a dataset is one file"


def test_a_value_that_the_htype_refuses(tmp_path: Path) -> None:
    ds = reelbase.empty(f"vault://{tmp_path}/poses.db")
    ds.create_tensor("pose", htype="keypoints", names=["nose", "hand"])
    with pytest.raises(HtypeError, match="'foot' is not a point of this tensor"):
        ds.pose.append({"foot": (1, 2, 2)})
    assert len(ds.pose) == 0


def test_delete(tmp_path: Path) -> None:
    url = f"vault://{tmp_path}/poses.db"
    reelbase.empty(url)
    assert reelbase.exists(url)
    reelbase.delete(url)
    assert not reelbase.exists(url)

"""The files of the guide, generated: two videos like its own, and a list of boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from guide_files import BOXES, make_video

import reelbase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``videos/example1.mp4``, ``videos/example2.mp4`` and ``groundtruth.txt``."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "videos").mkdir()
    make_video(folder / "videos" / "example1.mp4")
    make_video(folder / "videos" / "example2.mp4")
    rng = np.random.default_rng(7)
    boxes = np.concatenate([rng.integers(0, 500, (BOXES, 2)), rng.integers(1, 300, (BOXES, 2))], axis=1)
    np.savetxt(folder / "groundtruth.txt", boxes, fmt="%d", delimiter=",")
    return folder


@pytest.fixture
def here(guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with those files."""
    for name in ("videos", "groundtruth.txt"):
        (tmp_path / name).symlink_to(guide / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def ds(guide: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[reelbase.Dataset]:
    """The guide's dataset, with both videos in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(guide)
        ds = reelbase.empty(tmp_path_factory.mktemp("made") / "demo" / "video")
        ds.create_tensor("videos", htype="video", sample_compression="mp4")
        ds.videos.append(reelbase.read("./videos/example1.mp4"))
        ds.videos.append(reelbase.read("./videos/example2.mp4"))
        yield ds

"""Small files of several kinds, and a dataset to add them to."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_files import Files

import reelbase
from reelbase.testing.clips import ClipRecipe


@pytest.fixture(scope="session")
def clip_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    ClipRecipe(container="mp4", codec="mpeg4", frames=3, size=(32, 32)).make(path)
    return path.read_bytes()


@pytest.fixture
def files(tmp_path: Path, clip_bytes: bytes) -> Files:
    (tmp_path / "files").mkdir()
    return Files(tmp_path / "files", clip_bytes)


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    dataset = reelbase.empty(tmp_path / "ds")
    dataset.create_tensor("videos", htype="video")
    return dataset

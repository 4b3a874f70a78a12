"""Whole datasets on Drive, and how many requests they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import reelbase
from reelbase import registry
from reelbase.config import reset as forget_settings
from reelbase.testing.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reelbase.testing.servers.drive import DriveServer


@pytest.fixture
def configured(drive: DriveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service's address from the environment, as a user would set it."""
    monkeypatch.setenv("REELBASE_STORAGE__GDRIVE__ENDPOINT_URL", drive.url)
    forget_settings()
    registry.reset()
    yield
    monkeypatch.undo()
    forget_settings()
    registry.reset()


@pytest.mark.usefixtures("configured")
def test_a_dataset_on_drive(drive: DriveServer, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    wanted = reelbase.read(clip.path)
    folder = drive.add_folder("videos")
    url = f"gdrive://{folder.id}/first"
    ds = reelbase.empty(url)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(wanted)

    local = reelbase.empty(tmp_path / "local")
    local.create_tensor("videos", htype="video")
    local.videos.append(wanted)

    drive.asked.clear()
    loaded = reelbase.load(url)
    opening = _taken(drive)
    cold = loaded.videos[0, 5].numpy()
    reading = _taken(drive)
    again = loaded.videos[0, 9].numpy()
    warm = _taken(drive)
    loaded.videos.append(reelbase.read(clip.path))
    appending = _taken(drive)

    np.testing.assert_array_equal(cold, local.videos[0, 5].numpy())
    np.testing.assert_array_equal(again, local.videos[0, 9].numpy())
    assert len(reelbase.load(url).videos) == 2
    found = {"open": opening, "cold frame": reading, "warm frame": warm, "append": appending}
    for name, counts in found.items():
        record_property(name, str(counts))
        print(name, sum(counts.values()), counts)
    assert sum(opening.values()) <= 16  # two rounds of folders, and a listing of later commits
    assert sum(reading.values()) <= 10
    assert sum(warm.values()) <= 1
    assert sum(appending.values()) <= 30


@pytest.mark.usefixtures("configured")
def test_a_video_by_its_share_link(drive: DriveServer, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    file = drive.add_file("clip.mp4", clip.path.read_bytes(), resource_key="0-key")
    media = reelbase.read(f"https://drive.google.com/file/d/{file.id}/view?usp=sharing&resourcekey=0-key")
    ds = reelbase.empty("mem://from-drive")
    ds.create_tensor("videos", htype="video")
    ds.videos.append(media)
    assert ds.videos[0].shape[0] == len(clip.codes)


@pytest.mark.usefixtures("configured")
def test_a_dataset_is_removed(drive: DriveServer) -> None:
    folder = drive.add_folder("videos")
    ds = reelbase.empty(f"gdrive://{folder.id}")
    ds.create_tensor("numbers")
    ds.numbers.append(1)
    drive.add_file("notes.txt", b"mine", parent=folder.id)
    reelbase.delete(f"gdrive://{folder.id}")
    assert not reelbase.exists(f"gdrive://{folder.id}")
    left = [one.name for one in drive.files.find("trashed = false") if one.has_bytes]
    assert left == ["notes.txt"]


def _taken(drive: DriveServer) -> dict[str, int]:
    counts = drive.counts()
    drive.asked.clear()
    return counts

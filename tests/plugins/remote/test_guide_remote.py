"""The guide's remote blocks, on every backend: single files from all four, whole datasets where they can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ledger import Ledger
from remote_places import BACKENDS, Places

import reelbase
from reelbase.errors import ReadOnlyError
from reelbase.testing.clips import Clip, read_code

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {"http": "http://", "s3": "s3://", "gcs": "gs://", "gdrive": "gdrive://"}


def _shows(video: Any, clip: Clip) -> None:
    """What the guide does with a video."""
    assert video.shape == (120, 96, 128, 3)
    assert list(video.sample_info)[:7] == ["duration", "fps", "timebase", "shape", "format", "filename", "modified"]
    assert [read_code(frame) for frame in video[100:120:5].numpy()] == clip.codes[100:120:5].tolist()
    assert video[10:15].timestamp.dtype == np.float32
    data = video[10:15].data()
    assert set(data) == {"frames", "timestamps"}
    np.testing.assert_array_equal(data["timestamps"], video[10:15].timestamp)


@pytest.mark.parametrize("backend", BACKENDS)
def test_read(counted: Places[Ledger], backend: str, clip: Clip, tmp_path: Path) -> None:
    """``ds.videos.append(reelbase.read(url, creds=…))``."""
    place = counted(backend)
    assert place.url.startswith(KINDS[backend])
    ds = reelbase.empty(tmp_path / "demo" / "video")
    ds.create_tensor("videos", htype="video", sample_compression="mp4")
    ds.videos.append(reelbase.read(f"{place.url}/clip.mp4", **{"creds": None, **place.how}))
    _shows(ds.videos[0], clip)
    assert ds.videos[0].tobytes() == clip.path.read_bytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_load(counted: Places[Ledger], backend: str, clip: Clip) -> None:
    place = counted(backend)
    _shows(reelbase.load(f"{place.url}/videos", read_only=True, **place.how).videos[2], clip)


@pytest.mark.parametrize("backend", ["s3", "gcs", "gdrive"])
def test_write(counted: Places[Ledger], backend: str, clip: Clip, tmp_path: Path) -> None:
    place = counted(backend)
    ds = reelbase.empty(f"{place.url}/demo/video", **place.direct)
    ds.create_tensor("videos", htype="video", sample_compression="mp4")
    ds.create_tensor("boxes", htype="sequence[bbox]", dtype="float32", coords={"type": "pixel", "mode": "LTWH"})
    ds.append({"videos": reelbase.read(clip.path), "boxes": np.zeros((120, 1, 4))})
    again = reelbase.load(f"{place.url}/demo/video", **place.direct)
    _shows(again.videos[0], clip)
    assert again.boxes[0, 7].numpy().shape == (1, 4)
    copy = again.copy(tmp_path / "copy")
    back = copy.copy(f"{place.url}/demo/again", **place.direct)
    _shows(back.videos[0], clip)
    assert back.maintenance.verify(deep=True).ok
    reelbase.delete(f"{place.url}/demo/again", **place.direct)
    assert not reelbase.exists(f"{place.url}/demo/again", **place.direct)


def test_web_servers_are_only_read(counted: Places[Ledger], clip: Clip) -> None:
    place = counted("http")
    with pytest.raises(ReadOnlyError):
        reelbase.load(f"{place.url}/videos", **place.how).videos.append(reelbase.read(clip.path))


@pytest.mark.parametrize("source", BACKENDS)
@pytest.mark.parametrize("target", ["s3", "gcs"])
def test_from_afar_to_afar(counted: Places[Ledger], source: str, target: str, clip: Clip) -> None:
    origin, place = counted(source), counted(target)
    ds = reelbase.empty(f"{place.url}/from {source}", **place.direct)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(f"{origin.url}/clip.mp4", **origin.how))
    _shows(reelbase.load(f"{place.url}/from {source}", **place.direct).videos[0], clip)

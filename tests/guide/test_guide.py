"""The guide "Working with videos", block by block, in its own words; what needs a network is not here."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from guide_files import BOXES, numbers

import reelbase


@pytest.mark.usefixtures("here")
def test_setup_create_and_append() -> None:
    ds = reelbase.empty("demo/video")  # create a local dataset
    ds.create_tensor("videos", htype="video", sample_compression="mp4")
    ds.videos.append(reelbase.read("./videos/example1.mp4"))
    ds.videos.append(reelbase.read("./videos/example2.mp4"))
    assert len(ds) == len(ds.videos) == 2
    again = reelbase.load("demo/video")
    assert again.videos[0].tobytes() == Path("videos/example1.mp4").read_bytes()


@pytest.mark.usefixtures("here")
def test_adding_annotations() -> None:
    ds = reelbase.empty("demo/video")
    ds.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"})
    df = pd.read_csv("groundtruth.txt", header=None)
    boxes = df.to_numpy().astype(np.float32)[:, np.newaxis]
    assert boxes.shape == (BOXES, 1, 4)  # (number of frames, number of boxes, 4)
    ds.boxes.append(boxes)
    assert ds.boxes[0].shape == (2788, 1, 4)
    assert ds.boxes.dtype == np.float32
    np.testing.assert_array_equal(ds.boxes[0].numpy(), boxes)
    np.testing.assert_array_equal(ds.boxes[0, 100:200].numpy(), boxes[100:200])
    assert ds.boxes.meta["coords"] == {"type": "pixel", "mode": "LTWH"}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("dtype", ["float64", "int64", "int32", "uint16"])
def test_annotations_of_other_dtypes_are_converted(dtype: str) -> None:
    ds = reelbase.empty("demo/video")
    ds.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"})
    boxes = pd.read_csv("groundtruth.txt", header=None).to_numpy().astype(dtype)[:, np.newaxis]
    ds.boxes.append(boxes)
    assert ds.boxes[0].numpy().dtype == np.float32
    np.testing.assert_array_equal(ds.boxes[0].numpy(), boxes.astype(np.float32))


@pytest.mark.usefixtures("here")
def test_a_wrong_annotation_damages_nothing() -> None:
    ds = reelbase.empty("demo/video")
    ds.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"})
    good = pd.read_csv("groundtruth.txt", header=None).to_numpy()[:, np.newaxis]
    ds.boxes.append(good)
    with pytest.raises(reelbase.errors.HtypeError, match=r"\(1, 3\)|\(2788, 1, 3\)"):
        ds.boxes.append(good[:, :, :3])
    with pytest.raises(reelbase.errors.HtypeError, match="16777217"):
        ds.boxes.append(np.array([[[0, 0, 1, 16_777_217]]]))  # no float32
    with pytest.raises(reelbase.errors.HtypeError, match="LTXX"):
        ds.create_tensor("other", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTXX"})
    assert len(ds.boxes) == 1
    np.testing.assert_array_equal(reelbase.load("demo/video").boxes[0].numpy(), good)


def test_shape(ds: reelbase.Dataset) -> None:
    assert ds.videos[0].shape == (400, 360, 640, 3)


def test_sample_info(ds: reelbase.Dataset) -> None:
    info = ds.videos[0].sample_info
    shown = {
        "duration": 400400,
        "fps": 29.97002997002997,
        "timebase": 3.3333333333333335e-05,
        "shape": [400, 360, 640, 3],
        "format": "mp4",
        "filename": "./videos/example1.mp4",
        "modified": False,
    }
    assert list(info)[: len(shown)] == list(shown)
    assert {key: info[key] for key in shown} == shown
    assert info["time_base"] == "1/30000"


def test_accessing_video_frames(ds: reelbase.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    video = ds.videos[0].numpy()
    print(type(video))
    print(video.shape)
    assert capsys.readouterr().out == "<class 'numpy.ndarray'>\n(400, 360, 640, 3)\n"
    assert numbers(video) == list(range(400))


def test_getting_100_frames(ds: reelbase.Dataset) -> None:
    video = ds.videos[1, 100:200].numpy()
    assert video.shape == (100, 360, 640, 3)
    assert numbers(video) == list(range(100, 200))


def test_indexing_with_step(ds: reelbase.Dataset) -> None:
    video = ds.videos[0, 100:200:5].numpy()
    assert video.shape == (20, 360, 640, 3)
    assert numbers(video) == list(range(100, 200, 5))


def test_getting_a_single_frame(ds: reelbase.Dataset) -> None:
    last_frame = ds.videos[1, -1].numpy()
    assert last_frame.shape == (360, 640, 3)
    assert numbers(last_frame[np.newaxis]) == [399]


def test_what_that_system_gets_wrong(ds: reelbase.Dataset) -> None:
    assert ds.videos[0, 0:0].numpy().shape == (0, 360, 640, 3)
    assert numbers(ds.videos[0, ::-1].numpy()) == list(range(399, -1, -1))
    assert numbers(ds.videos[0, [7, 300, 7]].numpy()) == [7, 300, 7]
    with pytest.raises(IndexError, match="400"):
        ds.videos[0, 400].numpy()


def assert_seconds(found: np.ndarray, frames: range, written: list[float]) -> None:
    """The float32 nearest to frame x 1001 / 30000 s; and what the guide writes, which is cut after its last digit."""
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([n * 1001 / 30000 for n in frames]).astype(np.float32))
    np.testing.assert_allclose(found, written, rtol=0, atol=6e-8)


def test_accessing_video_timestamps(ds: reelbase.Dataset) -> None:
    found = ds.videos[0, 10:15].timestamp
    assert_seconds(found, range(10, 15), [0.33366667, 0.36703333, 0.4004, 0.43376666, 0.46713334])
    exact = ds.videos[0, 10:15].timestamps
    assert exact.tolist() == [frame * 1001 / 30000 for frame in range(10, 15)]
    np.testing.assert_array_equal(exact.astype(np.float32), found)
    np.testing.assert_array_equal(ds.videos[0, 10:15].pts, np.arange(10, 15) * 1001)
    assert ds.videos[0, 10].timestamp == found[0]


def test_data(ds: reelbase.Dataset) -> None:
    data = ds.videos[1, 15:20].data()
    assert list(data) == ["frames", "timestamps"]
    assert data["frames"].shape == (5, 360, 640, 3)
    assert numbers(data["frames"]) == [15, 16, 17, 18, 19]
    assert_seconds(data["timestamps"], range(15, 20), [0.5005, 0.5338667, 0.5672333, 0.6006, 0.6339667])


def test_only_the_required_frames_are_decompressed(ds: reelbase.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame takes a small part of the file."""
    storage = ds._session.store.storage
    read: list[int] = []
    whole = type(storage).get_ranges

    def counted(self, key, ranges, **more):  # type: ignore[no-untyped-def]
        parts = whole(self, key, ranges, **more)
        read.extend(map(len, parts))
        return parts

    monkeypatch.setattr(type(storage), "get_ranges", counted)
    assert numbers(ds.videos[0, 70].numpy()[np.newaxis]) == [70]
    assert 0 < sum(read) < len(ds.videos[0].tobytes()) / 4


def test_names_that_its_users_type(ds: reelbase.Dataset) -> None:
    assert list(ds.tensors) == ["videos"]
    assert (ds.videos.htype, ds.videos.num_samples, ds.videos.ndim) == ("video", 2, 5)
    assert ds.videos.shape == (2, 400, 360, 640, 3)
    assert ds.videos.shape_interval == ((2, 400, 360, 640, 3), (2, 400, 360, 640, 3))
    assert ds.videos.meta["sample_compression"] == "mp4"
    assert isinstance(ds.videos[:, 0].numpy(aslist=True), list)


@pytest.mark.usefixtures("here")
def test_visualizing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The guide's ``ds.videos[1].play()`` and ``ds.visualize()``, where there is no screen."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    ds = reelbase.empty("demo/video")
    ds.create_tensor("videos", htype="video", sample_compression="mp4")
    ds.videos.append(reelbase.read("./videos/example1.mp4"))
    ds.videos.append(reelbase.read("./videos/example2.mp4"))
    for show in (ds.videos[1].play, ds.visualize):
        shown = show()
        assert capsys.readouterr().err == f"No browser could be opened here. Open {shown.url} yourself.\n"
        with urllib.request.urlopen(f"{shown.url}data/frame/0/0/0") as reply:
            assert reply.read(2) == b"\xff\xd8"
        shown.close()

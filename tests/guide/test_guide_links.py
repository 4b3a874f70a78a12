"""The guide's part on linked videos, block by block, in its own words; credentials by name are tested elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from guide_files import numbers

import reelbase
from reelbase.testing.servers import BadHttpServer


@pytest.fixture(scope="module")
def web(guide: Path) -> Iterator[str]:
    """The URL of a web server with the guide's videos."""
    with BadHttpServer(guide / "videos") as server:
        yield server.url


@pytest.fixture
def linked(here: Path, web: str) -> reelbase.Dataset:
    ds = reelbase.empty("demo/video")
    # create linked tensor
    links = ds.create_tensor("video_links", htype="link[video]")
    # append linked samples
    links.append(reelbase.link(f"{web}/example1.mp4", creds_key=None))  # link to public video
    return ds


def test_linked_videos(linked: reelbase.Dataset) -> None:
    video = linked.video_links[0].numpy()
    assert video.shape == (400, 360, 640, 3)
    assert numbers(video) == list(range(400))


def test_all_of_the_above_features_are_supported(linked: reelbase.Dataset, web: str) -> None:
    links = linked.video_links
    links.append(reelbase.link(f"{web}/example2.mp4"))
    assert links[0].shape == (400, 360, 640, 3)
    shown = {
        "duration": 400400,
        "fps": 29.97002997002997,
        "timebase": 3.3333333333333335e-05,
        "shape": [400, 360, 640, 3],
        "format": "mp4",
        "filename": f"{web}/example1.mp4",
        "modified": False,
    }
    info = links[0].sample_info
    assert list(info)[: len(shown)] == list(shown)
    assert {key: info[key] for key in shown} == shown
    assert numbers(links[1, 100:200].numpy()) == list(range(100, 200))
    assert numbers(links[0, 100:200:5].numpy()) == list(range(100, 200, 5))
    last_frame = links[1, -1].numpy()
    assert last_frame.shape == (360, 640, 3)
    assert numbers(last_frame[np.newaxis]) == [399]
    expected = np.array([n * 1001 / 30000 for n in range(10, 15)]).astype(np.float32)
    np.testing.assert_array_equal(links[0, 10:15].timestamp, expected)
    data = links[1, 15:20].data()
    assert list(data) == ["frames", "timestamps"]
    assert numbers(data["frames"]) == [15, 16, 17, 18, 19]


def test_a_tensor_that_is_called_links(here: Path, web: str) -> None:
    """As in ``ds.links.append(…)``."""
    ds = reelbase.empty("demo/video")
    ds.create_tensor("links", htype="link[video]")
    ds.links.append(reelbase.link(f"{web}/example1.mp4"))
    assert numbers(ds.links[0, 70:72].numpy()) == [70, 71]
    assert ds.links.links.survey().ok


def test_one_frame_takes_a_small_part_of_the_file(here: Path, guide: Path) -> None:
    size = (guide / "videos" / "example1.mp4").stat().st_size
    with BadHttpServer(guide / "videos") as server:
        ds = reelbase.empty("demo/video")
        ds.create_tensor("video_links", htype="link[video]").append(reelbase.link(f"{server.url}/example1.mp4"))
        server.fail(None)
        assert numbers(ds.video_links[0, 70].numpy()[np.newaxis]) == [70]
        assert len(server.ledger) == 1
        assert server.ledger[0].sent < size / 4

"""Videos and datasets over HTTP, and what they cost in requests."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import DatasetNotFoundError, ObjectNotFoundError, ReadOnlyError
from reelbase.testing.clips import Clip, make_clip, read_code
from reelbase.testing.servers import BadHttpServer, HtmlForMissing, NoRange

ROWS = 3


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("clip") / "a clip.mp4"
    return make_clip(path, container="mp4", codec="libx264", frames=60, bframes=2, gop=12)


@pytest.fixture(scope="module")
def dataset(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset of some videos and numbers."""
    path = tmp_path_factory.mktemp("data") / "dataset"
    ds = reelbase.empty(path)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("numbers")
    for number in range(ROWS):
        ds.append({"videos": reelbase.read(clip.path), "numbers": np.array([number])})
    time.sleep(1)  # a dataset at rest: the hint, written at most once a second, names the newest commit
    ds.commit("all of it")
    return path


def _looks_right(url: str, clip: Clip) -> None:
    ds = reelbase.load(url, read_only=True)
    assert len(ds) == ROWS
    for row in range(ROWS):
        assert ds.numbers[row].numpy().tolist() == [row]
        assert [read_code(frame) for frame in ds.videos[row, 7:40:11].numpy()] == clip.codes[7:40:11].tolist()


def test_a_video_on_nginx(place: tuple[str, Path], clip: Clip) -> None:
    url, folder = place
    (folder / "a clip.mp4").write_bytes(clip.path.read_bytes())
    for name in ("a clip.mp4", "a%20clip.mp4", "a%20clip.mp4?version=3#t=1"):
        video = reelbase.read(f"{url}/{name}")
        assert len(video) == len(clip.codes)
        assert read_code(video[3].numpy()) == clip.codes[3]
    with pytest.raises(ObjectNotFoundError):
        len(reelbase.read(f"{url}/another.mp4"))


def test_a_dataset_on_nginx(place: tuple[str, Path], dataset: Path, clip: Clip) -> None:
    url, folder = place
    (folder / "dataset").symlink_to(dataset)
    _looks_right(f"{url}/dataset", clip)
    _looks_right(f"{url}/dataset/", clip)
    ds = reelbase.load(f"{url}/dataset")
    with pytest.raises(ReadOnlyError):
        ds.numbers.append(1)
    assert reelbase.exists(f"{url}/dataset")
    assert not reelbase.exists(f"{url}/other")
    with pytest.raises(DatasetNotFoundError):
        reelbase.load(f"{url}/other")


def test_a_video_from_nginx_into_a_dataset(place: tuple[str, Path], clip: Clip, tmp_path: Path) -> None:
    url, folder = place
    (folder / "clip.mp4").write_bytes(clip.path.read_bytes())
    ds = reelbase.empty(tmp_path / "new")
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(f"{url}/clip.mp4"))
    assert ds.videos[0].tobytes() == clip.path.read_bytes()


def test_a_dataset_on_a_server_without_ranges(dataset: Path, clip: Clip) -> None:
    with BadHttpServer(dataset) as server:
        server.fail(NoRange())
        _looks_right(server.url, clip)


def test_requests_of_a_dataset(dataset: Path, clip: Clip) -> None:
    with BadHttpServer(dataset) as server:
        ds = reelbase.load(server.url, read_only=True)
        opened = [str(one) for one in server.ledger]
        server.fail(None)
        assert read_code(ds.videos[1, 30].numpy()) == clip.codes[30]
        cold = [str(one) for one in server.ledger]
        server.fail(None)
        assert read_code(ds.videos[1, 50].numpy()) == clip.codes[50]
        warm = [str(one) for one in server.ledger]
    assert len(opened) <= 3, opened
    assert len(cold) <= 3, cold
    assert len(warm) == 1, warm


def test_requests_of_a_file(clip: Clip) -> None:
    """Nothing is asked before it must be; then a small file comes whole, once."""
    with BadHttpServer(clip.path.parent) as server:
        video = reelbase.read(f"{server.url}/a clip.mp4")
        assert not server.ledger
        assert read_code(video[30].numpy()) == clip.codes[30]
        assert [one.request.method for one in server.ledger] == ["HEAD", "GET"]
        server.fail(None)
        assert read_code(video[50].numpy()) == clip.codes[50]
        assert not server.ledger


def test_a_server_that_answers_all_with_a_page(web: tuple[str, Path]) -> None:
    (web[1] / "soft").mkdir(exist_ok=True)
    url = f"{web[0]}/soft/nothing"
    assert not reelbase.exists(url)
    with pytest.raises(DatasetNotFoundError, match="sends a web page"):
        reelbase.load(url, read_only=True)


def test_a_dataset_on_a_server_that_has_a_page_for_what_is_missing(dataset: Path, clip: Clip) -> None:
    with BadHttpServer(dataset) as server:
        server.fail(HtmlForMissing())
        assert reelbase.exists(server.url)
        _looks_right(server.url, clip)
        reelbase.load(server.url, read_only=True).refresh()

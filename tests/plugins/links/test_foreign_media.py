"""Files of other tensors: written byte for byte, with the same stream, as links where links are wanted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import HtypeError, ReelbaseError, UsageError
from reelbase.testing.clips import Clip, corpus, read_code


@pytest.fixture
def source(tmp_path: Path, clip: Clip, other: Clip) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "source")
    ds.create_tensor("video", htype="video")
    ds.create_tensor("videos", htype="sequence[video]")
    ds.create_tensor("link", htype="link[video]")
    ds.create_tensor("links", htype="sequence[link[video]]")
    ds.create_tensor("image", htype="image")
    files = [reelbase.read(clip.path), reelbase.read(other.path)]
    links = [reelbase.link(path.as_uri()) for path in (clip.path, other.path)]
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    ds.append({"video": files[0], "videos": files, "link": links[1], "links": links, "image": picture})
    ds.append(dict.fromkeys(ds.tensors))
    return ds


@pytest.fixture
def into(tmp_path: Path) -> reelbase.Dataset:
    return reelbase.empty(tmp_path / "into")


def test_rows_of_files(source: reelbase.Dataset, into: reelbase.Dataset, clip: Clip, other: Clip) -> None:
    for name, tensor in source.tensors.items():
        into.create_tensor(name, htype=tensor.htype)
    into.extend(source)
    assert [view.exists for tensor in into.tensors.values() for view in tensor] == [True, False] * 5
    assert into.video[0].tobytes() == clip.path.read_bytes()
    assert into.videos[0, 1].tobytes() == other.path.read_bytes()
    assert [read_code(into.videos[0, place, 7].numpy()) for place in (0, 1)] == [clip.codes[7], other.codes[7]]
    assert into.link[0].as_link() == source.link[0].as_link()
    assert [into.links[0, place].as_link() for place in (0, 1)] == [
        source.links[0, place].as_link() for place in (0, 1)
    ]
    assert into.image[0].tobytes() == source.image[0].tobytes()
    assert into.video[0].sample_info["sha256"] == source.video[0].sample_info["sha256"]


@pytest.mark.parametrize(
    ("htype", "value", "files"),
    [
        ("video", lambda ds: ds.videos[0, 1], ["other"]),
        ("video", lambda ds: ds.link[0], ["other"]),
        ("video", lambda ds: ds.links[0, 0], ["clip"]),
        ("sequence[video]", lambda ds: [ds.video[0], ds.link[0]], ["clip", "other"]),
        ("sequence[video]", lambda ds: ds.links[0], ["clip", "other"]),
        ("sequence[video]", lambda ds: ds.videos[0, ::-1], ["other", "clip"]),
        ("sequence[video]", lambda ds: ds.video[:1], ["clip"]),
    ],
)
def test_files_are_stored_whole(
    source: reelbase.Dataset,
    into: reelbase.Dataset,
    clip: Clip,
    other: Clip,
    htype: str,
    value: Callable[[reelbase.Dataset], object],
    files: list[str],
) -> None:
    tensor = into.create_tensor("x", htype=htype)
    tensor.append(value(source))
    items = tensor[0] if htype.startswith("sequence") else [tensor[0]]
    paths = {"clip": clip.path, "other": other.path}
    assert [item.tobytes() for item in items] == [paths[name].read_bytes() for name in files]


def test_links_stay_links(source: reelbase.Dataset, into: reelbase.Dataset) -> None:
    tensor = into.create_tensor("x", htype="sequence[link[video]]")
    tensor.append([source.link[0], source.links[0, 0]])
    tensor.append(source.links[0, 1:])
    assert [len(row) for row in tensor] == [2, 1]
    assert tensor[0, 0].as_link() == tensor[1, 0].as_link() == source.link[0].as_link()


@pytest.mark.parametrize(
    ("htype", "value", "error"),
    [
        ("video", lambda ds: ds.video[0, 2:9], UsageError),
        ("video", lambda ds: ds.videos[0], HtypeError),
        ("video", lambda ds: ds.image[0], ReelbaseError),
        ("image", lambda ds: ds.video[0], ReelbaseError),
        ("image", lambda ds: ds.video[0, 3], UsageError),
        ("link[video]", lambda ds: ds.video[0], UsageError),
        ("link[video]", lambda ds: ds.link[0, 3:], UsageError),
        ("sequence[video]", lambda ds: ds.video[0], HtypeError),
        ("sequence[video]", lambda ds: ds.videos[0, :, 2:9], UsageError),
        ("bbox", lambda ds: ds.video[0, 0, :, :4, 0], HtypeError),
        ("json", lambda ds: ds.video[0], HtypeError),
    ],
)
def test_files_that_do_not_fit(
    source: reelbase.Dataset,
    into: reelbase.Dataset,
    htype: str,
    value: Callable[[reelbase.Dataset], object],
    error: type[Exception],
) -> None:
    tensor = into.create_tensor("x", htype=htype)
    with pytest.raises(error):
        tensor.append(value(source))
    assert len(tensor) == 0


def test_pixels_are_numbers(source: reelbase.Dataset, into: reelbase.Dataset, clip: Clip) -> None:
    frames = into.create_tensor("frames")
    frames.append(source.video[0, 3:5])
    frames.append(source.image[0])
    assert [read_code(frame) for frame in frames[0].numpy()] == clip.codes[3:5].tolist()
    assert np.array_equal(frames[1].numpy(), source.image[0].numpy())
    pictures = into.create_tensor("pictures", htype="image", sample_compression="png")
    pictures.append(frames[1])
    pictures.append(source.image[0])
    assert np.array_equal(pictures[0].numpy(), source.image[0].numpy())
    assert pictures[1].tobytes() == source.image[0].tobytes()


def test_parts_of_files_are_not_replaced(source: reelbase.Dataset) -> None:
    before = source.history.current
    for name, key in (("video", (0, 3)), ("image", (0, 0)), ("videos", (0, 1)), ("links", (0, 1))):
        with pytest.raises(UsageError, match=r"tensor\[row\] = value"):
            source[name][key] = 0
    assert source.history.current == before


def test_fractions_of_a_video(clip: Clip, tmp_path: Path) -> None:
    pixels = reelbase.empty(tmp_path / "pixels").create_tensor("pixels", htype="sequence[bbox]")
    files = {"even": clip.path, "resized": corpus()["resized.ts"](tmp_path / "resized.ts").path}
    boxes = {}
    for name, path in files.items():
        ds = reelbase.empty(tmp_path / name)
        ds.create_tensor("video", htype="video")
        boxes[name] = ds.create_tensor("box", htype="sequence[bbox]", coords={"type": "fractional", "mode": "LTWH"})
        ds.append({"video": reelbase.read(path), "box": [[[0.5, 0.5, 0.25, 0.25]]]})
    height, width = reelbase.read(clip.path).shape[1:3]
    pixels.append(boxes["even"][0])
    assert pixels[0].numpy().tolist() == [[[width / 2, height / 2, width / 4, height / 4]]]
    with pytest.raises(HtypeError, match="several of different sizes"):
        pixels.append(boxes["resized"][0])


@pytest.mark.parametrize("stream", [0, 1])
def test_the_same_stream_of_the_file(stream: int, tmp_path: Path) -> None:
    made = corpus()["second-is-default.mkv"](tmp_path / "two.mkv")
    ds = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    ds.create_tensor("video", htype="video").append(reelbase.read(made.path, stream=stream))
    ds.video.append(ds.video[0])
    ds.extend(ds[1:])
    first = read_code(ds.video[0, 0].numpy())
    assert [view.sample_info["stream"] for view in ds.video] == [stream] * 3
    assert [read_code(view[0].numpy()) for view in ds.video] == [first] * 3
    assert ds.video[2].tobytes() == made.path.read_bytes()

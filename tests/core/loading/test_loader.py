"""Batches: exact to the frame, the same in every layout, continued anywhere, with bad videos said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reelbase
from reelbase import Clips
from reelbase.errors import CorruptObjectError, ReelbaseError, TransactionError, UsageError
from reelbase.testing._codes import read_code
from reelbase.testing.clips import make_clip

pytestmark = pytest.mark.needs_av
FRAMES = (24, 31, 18, 40, 27)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos whose frames spell their numbers, with labels and an item for each frame."""
    folder = tmp_path_factory.mktemp("loader")
    ds = reelbase.empty(folder / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("labels", htype="class_label", class_names=["even", "odd"])
    ds.create_tensor("boxes", htype="sequence[bbox]", per_frame_of="videos")
    ds.create_tensor("curve", dtype="int64", per_frame_of="videos")
    ds.create_tensor("words", htype="text")
    for k, frames in enumerate(FRAMES):
        clip = make_clip(folder / f"{k}.mp4", frames=frames, size=(96, 128) if k != 3 else (128, 96))
        boxes = [[[n, 0, 1, 1]] * (n % 3) for n in range(frames)]
        ds.append({
            "videos": reelbase.read(clip.path), "labels": ["odd" if k % 2 else "even"], "boxes": boxes,
            "curve": np.arange(frames) * 10 + k, "words": None if k == 2 else f"row {k}",
        })  # fmt: skip
    return folder / "ds"


@pytest.fixture
def ds(path: Path) -> reelbase.Dataset:
    return reelbase.load(path)


def samples(loader: Any) -> Iterator[dict[str, Any]]:
    for batch in loader:
        for place in range(len(batch["row"])):
            yield {name: values[place] for name, values in batch.items()}


def identify(loader: Any) -> list[tuple[int, tuple[int, ...]]]:
    return [(int(one["row"]), tuple(one["frames"].tolist())) for one in samples(loader)]


def codes(pictures: NDArray[np.uint8]) -> list[int]:
    return [read_code(picture) for picture in pictures]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("threads", [1, 4])
def test_every_clip_is_exact(ds: reelbase.Dataset, threads: int, together: bool) -> None:
    clips = Clips(frames=6, stride=2, per_video=3, together=together)
    loader = ds[[0, 1, 2, 4]].numpy_loader(clips, batch_size=5, shuffle=True, seed=4, threads=threads)
    found = list(samples(loader))
    assert len(found) == 12
    for one in found:
        row, frames = int(one["row"]), one["frames"]
        assert codes(one["videos"]) == frames.tolist()
        np.testing.assert_array_equal(one["videos"], ds.videos[row, frames].numpy())
        np.testing.assert_array_equal(one["timestamps"], ds.videos[row, frames].timestamps)
        assert one["labels"].tolist() == [row % 2]
        assert one["curve"].tolist() == (frames * 10 + row).tolist()
        assert [len(boxes) for boxes in one["boxes"]] == (frames % 3).tolist()
        assert one["words"] == (None if row == 2 else f"row {row}")
        assert not one["is_pad"].any()


def test_batches_are_arrays(ds: reelbase.Dataset) -> None:
    (batch,) = ds[:3].numpy_loader(Clips(frames=4), batch_size=8, size=(48, 64), tensors=["videos", "labels"])
    assert {name: (value.shape, value.dtype.name) for name, value in batch.items()} == {
        "videos": ((3, 4, 48, 64, 3), "uint8"), "row": ((3,), "int64"), "frames": ((3, 4), "int64"),
        "timestamps": ((3, 4), "float64"), "is_pad": ((3, 4), "bool"), "labels": ((3, 1), "uint32"),
    }  # fmt: skip
    np.testing.assert_array_equal(batch["videos"][1], ds.videos[1, batch["frames"][1]].numpy(size=(48, 64)))


def test_several_sizes(ds: reelbase.Dataset) -> None:
    """A list; one array if they are scaled or cropped to one size; or batches of one size each."""
    clips = Clips(frames=3, at="uniform")
    (batch,) = ds.numpy_loader(clips, batch_size=8)
    assert [one.shape for one in batch["videos"]] == [(3, 96, 128, 3)] * 3 + [(3, 128, 96, 3), (3, 96, 128, 3)]
    (short,) = ds.numpy_loader(clips, batch_size=8, size=48)
    assert [one.shape[1:3] for one in short["videos"]] == [(48, 64)] * 3 + [(64, 48), (48, 64)]
    (cropped,) = ds.numpy_loader(clips, batch_size=8, size=48, crop="center")
    assert cropped["videos"].shape == (5, 3, 48, 48, 3)
    whole = ds.videos[0, cropped["frames"][0]].numpy(size=(48, 64))
    np.testing.assert_array_equal(cropped["videos"][0], whole[:, :, 8:56])
    batches = list(ds.numpy_loader(clips, batch_size=4, buckets=[0, 0, 0, 1, 0]))
    assert sorted(batch["videos"].shape[:4] for batch in batches) == [(1, 3, 128, 96), (4, 3, 96, 128)]


def test_a_random_crop_is_the_same_each_time(ds: reelbase.Dataset) -> None:
    def crops(seed: int) -> list[bytes]:
        loader = ds[[0, 1]].numpy_loader(Clips(frames=2, per_video=4), batch_size=3, size=40, crop="random", seed=seed)
        return [one["videos"].tobytes() for one in samples(loader)]

    assert crops(1) == crops(1) != crops(2)
    assert len(set(crops(1))) > 4


def test_frames_after_the_end(ds: reelbase.Dataset) -> None:
    for pad, last in (("repeat_last", 17), ("wrap", 0), ("zeros", None)):
        (batch,) = ds[2:3].numpy_loader(Clips(frames=19, pad=pad), batch_size=1)
        assert batch["is_pad"][0].tolist() == [False] * 18 + [True]
        if last is None:
            assert not batch["videos"][0, 18].any()
        else:
            assert read_code(batch["videos"][0, 18]) == batch["frames"][0, 18] == last


def test_frames_by_time(ds: reelbase.Dataset) -> None:
    rate = float(ds.videos[0].sample_info["fps"])
    (batch,) = ds[0:1].numpy_loader(Clips(frames=5, fps=rate / 2, at="uniform"), batch_size=1)
    assert np.diff(batch["frames"][0]).tolist() == [2] * 4


@pytest.mark.parametrize("together", [False, True])
def test_the_rest_of_an_epoch(ds: reelbase.Dataset, together: bool) -> None:
    """At any batch; through JSON; with another batch size."""

    def make(batch_size: int) -> Any:
        clips = Clips(frames=2, per_video=3, together=together)
        return ds.numpy_loader(clips, batch_size=batch_size, shuffle=True, seed=7, tensors=["videos"], size=(24, 32))

    whole = [identify(make(4)), None]
    second = make(4)
    second.set_epoch(1)
    whole[1] = identify(second)
    assert whole[0] != whole[1]
    for stop in range(4):
        loader = make(4)
        batches = iter(loader)
        seen = [next(batches) for _ in range(stop)]
        state = json.loads(json.dumps(loader.state_dict()))
        batches.close()
        for batch_size in (4, 3):
            rest = make(batch_size)
            rest.load_state_dict(state)
            done = sum(len(batch["row"]) for batch in seen)
            assert identify(rest) == whole[0][done:]
            assert identify(rest) == whole[1]
    ended = make(4)
    list(ended)
    again = make(4)
    again.load_state_dict(ended.state_dict())
    assert identify(again) == whole[1]
    assert len(json.dumps(ended.state_dict())) < 300


def test_a_state_of_something_else(ds: reelbase.Dataset) -> None:
    state = ds.numpy_loader(Clips(frames=2), batch_size=2).state_dict()
    for other in (
        ds.numpy_loader(Clips(frames=3), batch_size=2), ds[:4].numpy_loader(Clips(frames=2), batch_size=2),
        ds.numpy_loader(Clips(frames=2), batch_size=2, seed=1),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="another loader"):
            other.load_state_dict(state)


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_ranks_share_an_epoch(ds: reelbase.Dataset, world: int) -> None:
    clips = Clips(frames=2, per_video=3)
    every = [
        identify(ds.numpy_loader(clips, batch_size=2, shuffle=True, rank=rank, world_size=world, size=(24, 32)))
        for rank in range(world)
    ]
    alone = identify(ds.numpy_loader(clips, batch_size=2, shuffle=True, size=(24, 32)))
    assert sorted(one for rank in every for one in rank) == sorted(alone)


@pytest.fixture
def damaged(path: Path, tmp_path: Path) -> reelbase.Dataset:
    """Row 1 has a packet with other bytes, row 3 no video."""
    ds = reelbase.load(path).copy(tmp_path / "damaged")
    ds.videos[3] = None
    blob = ds.videos[1]._one().cell.media()
    file = tmp_path / "damaged" / blob.blob.key
    body = bytearray(file.read_bytes())
    start = blob.blob.offset + int(blob.index.pos[2])
    body[start : start + 8] = bytes(8)
    file.write_bytes(body)
    return reelbase.load(tmp_path / "damaged")


def test_a_video_that_cannot_be_read(damaged: reelbase.Dataset) -> None:
    clips = Clips(frames=31, pad="wrap", per_video=2)  # the whole video, so every clip has the packet
    with pytest.raises(CorruptObjectError, match="Row 1 of tensor 'videos'"):
        list(damaged.numpy_loader(clips, batch_size=4))
    for threads in (1, 3):
        loader = damaged.numpy_loader(clips, batch_size=4, on_error="skip", threads=threads)
        assert sorted(row for row, _ in identify(loader)) == [0, 0, 2, 2, 4, 4]
        report = loader.report()
        assert (report.clips, report.failed) == (6, 2)
        assert [(one.row, one.substitute) for one in report.failures] == [(1, None)] * 2
        assert "Packet 2" in report.failures[0].reason
        assert "2 clips could not be read" in str(report)


def test_a_substitute_is_the_same_in_every_layout(damaged: reelbase.Dataset) -> None:
    def rows(**settings: Any) -> list[int]:
        loader = damaged.numpy_loader(
            Clips(frames=31, pad="wrap", per_video=2), shuffle=True, seed=3, on_error="substitute", **settings
        )
        found = [(int(one["row"]), codes(one["videos"]) == one["frames"].tolist()) for one in samples(loader)]
        assert all(exact for _, exact in found)
        assert [one.substitute in (0, 2, 4) for one in loader.report().failures] == [True] * 2
        return [row for row, _ in found]

    one = rows(batch_size=8, threads=1)
    assert len(one) == 8
    assert set(one) == {0, 2, 4}
    assert one == rows(batch_size=3, threads=4) == rows(batch_size=1)
    with pytest.raises(UsageError, match="could not be read"):
        list(damaged.numpy_loader(Clips(frames=31, pad="wrap"), batch_size=2, on_error="skip", max_errors=0))


def test_transforms(ds: reelbase.Dataset) -> None:
    def brighten(sample: dict[str, Any]) -> dict[str, Any]:
        return {"clip": sample["videos"].transpose(0, 3, 1, 2), "row": sample["row"]}

    loader = ds[[0, 1]].numpy_loader(
        Clips(frames=2), batch_size=2, transform=brighten, transform_batch=lambda batch: (batch["clip"], batch["row"])
    )
    ((pictures, rows),) = loader
    assert pictures.shape == (2, 2, 3, 96, 128)
    assert rows.tolist() == [0, 1]


def test_values_of_several_lengths(ds: reelbase.Dataset) -> None:
    with_more = ds.numpy_loader(Clips(frames=3, at="uniform"), batch_size=5, tensors=["videos", "words"], size=(24, 32))
    (batch,) = with_more
    assert batch["words"] == ["row 0", "row 1", None, "row 3", "row 4"]


def test_ragged_arrays_are_padded(tmp_path: Path) -> None:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("ids", dtype="int64")
    clip = make_clip(tmp_path / "a.mp4", frames=4, size=(64, 48))
    for ids in ([5], [6, 7, 8], None, []):
        ds.append({"videos": reelbase.read(clip.path), "ids": ids})
    (listed,) = ds.numpy_loader(Clips(frames=2), batch_size=4)
    assert [None if one is None else one.tolist() for one in listed["ids"]] == [[5], [6, 7, 8], None, []]
    (padded,) = ds.numpy_loader(Clips(frames=2), batch_size=4, ragged="pad")
    assert padded["ids"].tolist() == [[5, 0, 0], [6, 7, 8], [0, 0, 0], [0, 0, 0]]
    assert padded["ids_mask"].tolist() == [[True, False, False], [True] * 3, [False] * 3, [False] * 3]


def test_threads_end_when_an_epoch_is_left(ds: reelbase.Dataset) -> None:
    before = threading.active_count()
    for batch in ds.numpy_loader(Clips(frames=2, per_video=20), batch_size=2):
        assert len(batch["row"]) == 2
        break
    assert threading.active_count() == before


def test_a_loader_stays_at_its_commit(path: Path, tmp_path: Path) -> None:
    ds = reelbase.load(path).copy(tmp_path / "ds")
    loader = ds.numpy_loader(Clips(frames=2), batch_size=9, tensors=["videos", "labels"], size=(24, 32))
    ds.labels[0] = ["odd"]
    ds.pop(4)
    (batch,) = loader
    assert batch["labels"][:, 0].tolist() == [0, 1, 0, 1, 0]
    with ds:
        ds.labels[0] = ["even"]
        with pytest.raises(TransactionError):
            ds[:2].numpy_loader(Clips(frames=2), batch_size=2)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0}, {"batch_size": "4"}, {"batch_size": 2, "threads": 0},
        {"batch_size": 2, "memory_limit": "much"}, {"batch_size": 2, "on_error": "ignore"},
        {"batch_size": 2, "ragged": "no"}, {"batch_size": 2, "size": 0}, {"batch_size": 2, "size": (0, 5)},
        {"batch_size": 2, "crop": "center"}, {"batch_size": 2, "size": 8, "crop": "left"},
        {"batch_size": 2, "workers": 3}, {"batch_size": 2, "rank": 2, "world_size": 2},
        {"batch_size": 2, "video": "labels"}, {"batch_size": 2, "tensors": ["labels"]},
        {"batch_size": 2, "tensors": "videos"}, {"batch_size": 2, "weights": [1]},
    ],
)  # fmt: skip
def test_settings_that_are_refused(ds: reelbase.Dataset, settings: dict[str, Any]) -> None:
    with pytest.raises(ReelbaseError):
        list(ds.numpy_loader(Clips(frames=2), **settings))


def test_linked_videos(path: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=12, size=(96, 128))
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]").append(reelbase.link(clip.path.as_uri()))
    (batch,) = ds.numpy_loader(Clips(frames=5, stride=2, per_video=3), batch_size=3)
    assert [codes(pictures) for pictures in batch["links"]] == batch["frames"].tolist()

"""Per-frame tensors: not annotated is not empty, and their lengths are those of the videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelbase
from reelbase.errors import CommitConflictError, HtypeError, MissingSampleError, TensorNotFoundError
from reelbase.testing.clips import make_clip

pytestmark = pytest.mark.needs_av
BOX = [1, 2, 3, 4]
FRAMES = st.lists(st.none() | st.lists(st.just(BOX), max_size=3), max_size=6)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {n: make_clip(folder / f"{n}.mp4", frames=n, size=(64, 48)).path for n in (3, 5)}


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("boxes", htype="sequence[bbox]", per_frame_of="videos")
    ds.create_tensor("ids", dtype="int64", per_frame_of="videos")
    ds.create_tensor("note", htype="text")
    return ds


def row(clip: Path | None, boxes: Any = None, ids: Any = None) -> dict[str, Any]:
    return {"videos": clip and reelbase.read(clip), "boxes": boxes, "ids": ids, "note": None}


# -- not annotated, and empty


@settings(max_examples=40)
@given(rows=st.lists(FRAMES, min_size=1, max_size=4))
def test_none_and_empty_are_kept_apart(rows: list[list[list[list[int]] | None]]) -> None:
    ds = reelbase.empty("mem://pairing", overwrite=True)
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.boxes.extend(rows)
    copied = reelbase.empty("mem://pairing-2", overwrite=True)
    copied.create_tensor("boxes", htype="sequence[bbox]")
    copied.boxes.extend(ds.boxes)
    ds.maintenance.compact()
    for held in (ds, reelbase.load("mem://pairing"), copied):
        for view, frames in zip(held.boxes, rows, strict=True):
            values = view.data()
            if isinstance(values, list):  # items of several shapes, or some that are not annotated
                assert [value is None for value in values] == [frame is None for frame in frames]
            else:
                assert None not in frames
            assert len(view) == len(frames)
            for place, frame in enumerate(frames):
                assert view[place].exists is (frame is not None)
                if frame is not None:
                    assert view[place].numpy().shape == (len(frame), 4)


def test_what_is_not_annotated_has_no_numbers() -> None:
    ds = reelbase.empty("mem://pairing-3", overwrite=True)
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.boxes.append([[BOX], None, []])
    view = ds.boxes[0]
    assert view.data()[1] is None
    assert view[[0, 2]].shape[0] == 2
    assert [part.shape for part in view[[0, 2]].numpy()] == [(1, 4), (0, 4)]
    for read in (view.numpy, view[1].numpy, view[0:2].numpy):
        with pytest.raises(MissingSampleError, match="Item 1 has no sample"):
            read()
    ds.boxes[0, 1] = [BOX, BOX]
    assert [frame.shape[0] for frame in ds.boxes[0].numpy()] == [1, 2, 0]
    ds.boxes[0, 0] = None
    assert ds.boxes[0].data()[0] is None
    for bad in ([[BOX, None]], [["x"]]):
        with pytest.raises(HtypeError):
            ds.boxes.append(bad)


def test_texts_and_labels_of_frames() -> None:
    ds = reelbase.empty("mem://pairing-4", overwrite=True)
    ds.create_tensor("words", htype="sequence[text]")
    ds.create_tensor("labels", htype="sequence[class_label]", class_names=["a", "b"])
    ds.words.append(["x", None, ""])
    ds.labels.append([["a"], None, []])
    assert ds.words[0].data() == ["x", None, ""]
    assert [one and one["text"] for one in ds.labels[0].data()] == [["a"], None, []]
    with pytest.raises(HtypeError):
        ds.create_tensor("files", htype="sequence[image]").append([None, np.zeros((4, 4, 3), np.uint8)])


# -- lengths


def test_a_row_whose_numbers_agree(ds: reelbase.Dataset, clips: dict[int, Path]) -> None:
    ds.append(row(clips[3], [[BOX], None, []], [7, 8, 9]))
    ds.append(row(clips[5]))
    ds.append(row(None, [[BOX]], None))
    assert ds.boxes.meta["per_frame_of"] == "videos"
    assert "per_frame_of" not in ds.videos.meta
    assert ds.maintenance.verify().ok


WRITES: list[Callable[[reelbase.Dataset, dict[int, Path]], Any]] = [
    lambda ds, clips: ds.append(row(clips[3], [[BOX]] * 5)),
    lambda ds, clips: ds.append(row(clips[3], None, [1, 2])),
    lambda ds, clips: ds.extend({name: [value] * 2 for name, value in row(clips[5], [[]] * 4).items()}),
    lambda ds, clips: ds.boxes.append([[BOX]] * 4),  # beside the second video, of five frames
    lambda ds, clips: ds.boxes.extend([[[]] * 4, [[]] * 9]),
    lambda ds, clips: ds.ids.append([1]),
    lambda ds, clips: ds.videos.append(reelbase.read(clips[5])),  # beside three boxes that were written first
    lambda ds, clips: ds.boxes.__setitem__(0, [[]] * 2),
    lambda ds, clips: ds.videos.__setitem__(0, reelbase.read(clips[5])),
    lambda ds, clips: ds.__setitem__(0, {"videos": reelbase.read(clips[5]), "boxes": [[]] * 4}),
    lambda ds, clips: ds.videos.pop(1),
    lambda ds, clips: ds.videos.pop(0),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
def test_numbers_that_do_not_agree(
    ds: reelbase.Dataset, clips: dict[int, Path], write: Callable[..., Any], inside: bool
) -> None:
    ds.append(row(clips[3], [[BOX]] * 3, [1, 2, 3]))
    ds.videos.append(reelbase.read(clips[5]))
    ds.videos.append(None)
    ds.boxes.extend([[[]] * 5, [[]] * 2, [[]] * 3] if write is WRITES[6] else [])
    ds.ids.extend([[0] * 5, [0, 0], [0] * 3] if write is WRITES[6] else [])
    before = {name: len(tensor) for name, tensor in ds.tensors.items()}
    with pytest.raises(HtypeError, match=r"Row \d+ of '(boxes|ids)' has \d+ items, and that of 'videos'|alone"):
        if inside:
            with ds:
                write(ds, clips)
        else:
            write(ds, clips)
    assert {name: len(tensor) for name, tensor in ds.tensors.items()} == before
    assert ds.maintenance.verify().ok


def test_either_may_come_first(ds: reelbase.Dataset, clips: dict[int, Path]) -> None:
    ds.boxes.append([[]] * 5)
    ds.videos.append(reelbase.read(clips[5]))
    with ds:
        ds.videos.append(reelbase.read(clips[3]))
        ds.boxes.append([[BOX]] * 3)
        ds.ids.extend([[1] * 5, [2] * 3])
    ds[0] = {"videos": reelbase.read(clips[3]), "boxes": [[]] * 3, "ids": [1, 2, 3]}
    ds.videos[1] = None
    ds.boxes[1] = [[]] * 7
    ds.boxes.pop()  # the last row: no other moves
    assert ds.maintenance.verify().ok
    ds.pop(0)
    assert ds.maintenance.verify().ok


def test_two_writers(ds: reelbase.Dataset, clips: dict[int, Path]) -> None:
    other = reelbase.load(ds.path)
    with pytest.raises(CommitConflictError, match="paired"), other:
        other.boxes.append([[]] * 4)
        ds.videos.append(reelbase.read(clips[3]))
    ds.boxes.append([[]] * 3)
    other.refresh()
    with pytest.raises(CommitConflictError), other:
        other.ids.append([1, 2, 3])
        ds[0] = {"videos": reelbase.read(clips[5]), "boxes": [[]] * 5}
    with other:  # whole rows go together wherever they come to lie
        other.append(row(clips[5], [[]] * 5))
        ds.append(row(clips[3], [[]] * 3))
    other.refresh()
    assert len(other) == 3
    assert other.maintenance.verify().ok


def test_copies_names_and_versions(ds: reelbase.Dataset, clips: dict[int, Path], tmp_path: Path) -> None:
    ds.append(row(clips[3], [[BOX]] * 3))
    ds.rename_tensor("videos", "films")
    assert ds.boxes.meta["per_frame_of"] == "films"
    with pytest.raises(HtypeError, match="that of 'films' 3 frames"):
        ds.boxes[0] = [[]]
    copied = ds.copy(tmp_path / "copy")
    with pytest.raises(HtypeError):
        copied.boxes[0] = [[]]
    alone = ds.copy(tmp_path / "alone", tensors=["boxes", "note"])
    assert "per_frame_of" not in alone.boxes.meta
    alone.boxes[0] = [[]]
    ds.delete_tensor("films")
    ds.boxes[0] = [[]]
    assert "per_frame_of" not in ds.boxes.meta


def test_verify_names_the_rows(ds: reelbase.Dataset, clips: dict[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    ds.append(row(clips[3], [[]] * 3))
    with monkeypatch.context() as patch:
        patch.setattr("reelbase.writing.append.check_appended", lambda *_: None)
        ds.append(row(clips[3], [[]] * 4))
    (damage,) = ds.maintenance.verify().damages
    assert str(damage).endswith("tensor 'boxes', row 1: per_frame_of videos: 4 items for 3 frames")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"htype": "sequence[bbox]", "per_frame_of": "vidoes"}, "Did you mean 'videos'"),
        ({"htype": "sequence[bbox]", "per_frame_of": "boxes"}, "not a tensor of videos"),
        ({"htype": "text", "per_frame_of": "videos"}, "sequence"),
        ({"htype": "video", "per_frame_of": "videos"}, "no items to count"),
        ({"htype": "sequence[bbox]", "per_frame_of": 3}, "no tensor"),
    ],
)
def test_what_cannot_be_paired(ds: reelbase.Dataset, given: dict[str, Any], says: str) -> None:
    with pytest.raises((HtypeError, TensorNotFoundError), match=says):
        ds.create_tensor("new", **given)
    assert "new" not in ds


def test_links_are_counted_without_being_fetched(ds: reelbase.Dataset, clips: dict[int, Path]) -> None:
    ds.create_tensor("links", htype="link[video]")
    ds.create_tensor("marks", htype="sequence[bbox]", per_frame_of="links")
    with ds:
        ds.links.append(reelbase.link(clips[3].as_uri()))
        ds.links.append(reelbase.link("file:///nowhere.mp4", verify=False))
        ds.marks.append([[]] * 3)
        ds.marks.append([[]] * 99)  # nobody knows yet
    with pytest.raises(HtypeError, match="has 4 items"):
        ds.marks[0] = [[]] * 4


def test_branches_that_wrote_rows_apart(ds: reelbase.Dataset, clips: dict[int, Path]) -> None:
    """What was written apart is not one row: a merge puts it into rows of its own, so that nothing is mixed up."""
    ds.commit("start")
    ds.history.create_branch("boxes")
    ds.checkout("boxes")
    ds.boxes.append([[]] * 4)
    ds.checkout("main")
    ds.videos.append(reelbase.read(clips[3]))
    ds.merge("boxes")
    assert (len(ds.videos), len(ds.boxes)) == (1, 2)
    assert [view.exists for view in ds.boxes] == [False, True]
    assert ds.maintenance.verify().ok


def test_branches_that_changed_one_row(ds: reelbase.Dataset, clips: dict[int, Path]) -> None:
    ds.append(row(None))
    ds.history.create_branch("boxes")
    ds.checkout("boxes")
    ds.boxes[0] = [[]] * 4
    ds.checkout("main")
    ds.videos[0] = reelbase.read(clips[3])
    with pytest.raises(CommitConflictError, match="row 0"):
        ds.merge("boxes")
    assert not ds.boxes[0].exists
    assert ds.maintenance.verify().ok

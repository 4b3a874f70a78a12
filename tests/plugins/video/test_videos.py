"""Video tensors through the public API: what is kept, what is answered without decoding, what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import (
    HtypeError,
    MediaError,
    ObjectNotFoundError,
    SampleIndexError,
    UnknownFormatError,
    UsageError,
)
from reelbase.testing._edits import edit_list
from reelbase.testing.clips import Clip, ClipRecipe, make_clip, read_code


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """40 frames at 25 a second, key frames every 10, B-frames."""
    return make_clip(tmp_path_factory.mktemp("clip") / "a clip & more.mp4", frames=40, fps=25, gop=10)


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    made = reelbase.empty(tmp_path / "data")
    made.create_tensor("videos", htype="video")
    return made


def codes(frames: np.ndarray) -> list[int]:
    return [read_code(one) for one in frames]


def test_the_file_is_kept_as_it_is(ds: reelbase.Dataset, clip: Clip) -> None:
    ds.videos.append(reelbase.read(clip.path))
    assert ds.videos[0].tobytes() == clip.path.read_bytes()
    assert ds.videos[0].sample_info["filename"] == str(clip.path)


def test_a_large_file_is_an_object_of_its_own(ds: reelbase.Dataset, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 480, 640, 3), np.uint8)
    ds.videos.append(reelbase.encode(noise, lossless=True))
    (blob,) = Path(ds.path).glob("blobs/*/*.mp4")
    assert blob.stat().st_size >= 8 << 20
    # Any player opens it: here the library itself, as a plain file somewhere else.
    copy = shutil.copy(blob, tmp_path / "copy.mp4")
    np.testing.assert_array_equal(reelbase.read(copy)[3].numpy(), noise[3])
    np.testing.assert_array_equal(ds.videos[0, ::5].numpy(), noise[::5])
    assert ds.videos[0].tobytes() == blob.read_bytes()


def test_metadata_reads_no_video_bytes(ds: reelbase.Dataset, clip: Clip) -> None:
    ds.videos.append(reelbase.read(clip.path))
    loaded = reelbase.load(ds.path)
    reads: list[tuple[int, int | None]] = []
    storage = loaded._session.store.storage
    original = storage.get
    storage.get = lambda key, start=0, stop=None, **more: (  # type: ignore[method-assign]
        reads.append((start, stop)) or original(key, start, stop, **more)
    )
    view = loaded.videos[0]
    assert view.shape[0] == 40
    assert view[10:20].shape[0] == 10
    assert view.sample_info["fps"] == 25
    assert view.timestamps.shape == (40,)
    assert view.at(1.0).pts == view.pts[25]
    fetched = sum((stop or 0) - start for start, stop in reads)
    assert fetched < len(clip.path.read_bytes()) / 4


def test_only_needed_packets_are_read(ds: reelbase.Dataset, clip: Clip) -> None:
    ds.videos.append(reelbase.read(clip.path))
    view = ds.videos[0, 33]
    view.shape  # noqa: B018 - brings the index
    read: list[tuple[int, int]] = []
    storage = ds._session.store.storage
    original = storage.get_ranges
    storage.get_ranges = lambda key, ranges, **more: read.extend(ranges) or original(key, ranges, **more)  # type: ignore[method-assign]
    assert read_code(view.numpy()) == 33
    assert len(read) == 1
    assert sum(stop - start for start, stop in read) < len(clip.path.read_bytes()) / 2


def test_every_question_of_a_view(ds: reelbase.Dataset, clip: Clip) -> None:
    ds.videos.append(reelbase.read(clip.path))
    height, width = ds.videos[0].shape[1:3]
    assert codes(ds.videos[0, 5:30:7].numpy()) == [5, 12, 19, 26]
    assert codes(ds.videos[0][::-10].numpy()) == [39, 29, 19, 9]
    assert codes(ds.videos[0, [3, 3, 30, 1]].numpy()) == [3, 3, 30, 1]
    assert read_code(ds.videos[0, -1].numpy()) == 39
    assert ds.videos[0, 0:0].numpy().shape == (0, height, width, 3)
    data = ds.videos[0, 10:12].data()
    assert list(data) == ["frames", "timestamps"]
    np.testing.assert_allclose(data["timestamps"], [0.4, 0.44])
    assert data["timestamps"].dtype == np.float32
    assert np.ndim(ds.videos[0, 3].timestamp) == 0
    assert ds.videos[0, 3].pts == ds.videos[0].pts[3]
    part = ds.videos[0, 10, 10:20, :, 0]
    assert part.shape == (10, width)
    np.testing.assert_array_equal(part.numpy(), ds.videos[0, 10].numpy()[10:20, :, 0])
    small = ds.videos[0, 4:6].numpy(size=(height // 2, width // 2))
    assert small.shape == (2, height // 2, width // 2, 3)
    out = np.zeros((2, height, width, 3), np.uint8)
    assert ds.videos[0, 7:9].numpy(out=out) is out
    assert codes(out) == [7, 8]
    assert codes(list(ds.videos[0, 3:12:4].frames())) == [3, 7, 11]
    assert codes(list(ds.videos[0, [8, 2]].frames())) == [8, 2]
    assert [one.shape for one in ds.videos[0, 1:3, :, :, 1].frames()] == [(height, width)] * 2
    with pytest.raises(SampleIndexError, match="Frame 40 is out of range: the video has 40 frames"):
        ds.videos[0, 40].numpy()
    with pytest.raises(UsageError, match="size="):
        ds.videos[0].numpy(size=(0, 4))


def test_frames_at_times(ds: reelbase.Dataset, clip: Clip) -> None:
    ds.videos.append(reelbase.read(clip.path))
    view = ds.videos[0]
    assert read_code(view.at(0.4).numpy()) == 10
    assert read_code(view.at(0.4399).numpy()) == 10
    assert codes(view.at([1.5, 0, 0.05]).numpy()) == [37, 0, 1]
    for frame, time in enumerate(view.timestamps):
        assert view.at(time).pts == view.pts[frame]
    assert read_code(view[10:20].at(0.44).numpy()) == 11
    for wrong in (-0.1, 1.6, np.nan, 1e9):
        with pytest.raises(SampleIndexError, match="No frame is shown at"):
            view.at(wrong).numpy()
    with pytest.raises(UsageError, match="not a time"):
        view.at("1s")
    with pytest.raises(UsageError, match="needs one"):
        ds.videos[:].at(0)


def test_several_rows(ds: reelbase.Dataset, clip: Clip, tmp_path: Path) -> None:
    other = make_clip(tmp_path / "b.mp4", frames=20, fps=10, size=(128, 160))
    ds.videos.extend([reelbase.read(clip.path), reelbase.read(other.path), reelbase.read(clip.path)])
    stack = ds.videos[::2, 5:8].numpy()
    assert stack.shape[:2] == (2, 3)
    assert codes(stack[1]) == [5, 6, 7]
    mixed = ds.videos[:, 5:8].numpy()
    assert [one.shape[0] for one in mixed] == [3, 3, 3]
    assert isinstance(mixed, list)
    assert codes(ds.videos[[0, 2, 0], [1, 2, 3]].numpy()) == [1, 2, 3]
    assert ds.videos[[0, 2], [4, 5]].timestamps.tolist() == pytest.approx([0.16, 0.2])
    assert len(ds.videos[:].sample_info) == 3
    with pytest.raises(SampleIndexError, match="do not pair"):
        ds.videos[[0, 1], [1, 2, 3]]


def test_rows_are_replaced_and_removed(ds: reelbase.Dataset, clip: Clip, tmp_path: Path) -> None:
    short = make_clip(tmp_path / "b.mp4", frames=8, fps=10)
    ds.videos.extend([reelbase.read(clip.path)] * 2)
    ds.videos[0] = reelbase.read(short.path)
    assert [one.shape[0] for one in reelbase.load(ds.path).videos] == [8, 40]
    ds.videos.pop(0)
    assert [one.shape[0] for one in ds.videos] == [40]
    ds.videos.append(None)
    assert not ds.videos[1].exists


def test_a_sequence_of_videos(ds: reelbase.Dataset, clip: Clip, tmp_path: Path) -> None:
    stream = make_clip(tmp_path / "b.ts", container="mpegts", frames=12, fps=10)
    ds.create_tensor("views", htype="sequence[video]")
    ds.views.append([reelbase.read(clip.path), reelbase.read(stream.path)])
    loaded = reelbase.load(ds.path)
    assert loaded.views[0].shape[:2] == (2, None)
    assert read_code(loaded.views[0, 0, 25].numpy()) == 25
    assert codes(loaded.views[0, 1, 4:7].numpy()) == [4, 5, 6]
    assert len(loaded.views[0, 1].timestamps) == 12
    assert loaded.views[0, 1].tobytes() == stream.path.read_bytes()


def test_a_stored_video_goes_into_another_dataset(ds: reelbase.Dataset, clip: Clip) -> None:
    ds.videos.append(reelbase.read(clip.path))
    other = reelbase.empty("mem://another")
    other.create_tensor("videos", htype="video").extend(ds.videos)
    other.videos.append(ds.videos[0])
    assert [one.tobytes() for one in other.videos] == [clip.path.read_bytes()] * 2
    assert read_code(other.videos[1, 7].numpy()) == 7
    with pytest.raises(UsageError, match="not a file"):
        other.videos.append(ds.videos[0, 3:5])
    reelbase.delete("mem://another")


def test_reading_without_a_dataset(clip: Clip) -> None:
    video = reelbase.read(clip.path)
    assert len(video) == 40
    assert codes(video[8:11].numpy()) == [8, 9, 10]
    assert codes(list(video.frames()))[:3] == [0, 1, 2]
    assert video.timestamps[-1] == 39 / 25
    assert video.timestamp[-1] == np.float32(39 / 25)
    assert np.asarray(video).shape == video.shape
    assert video.tobytes() == clip.path.read_bytes()


def test_relative_paths_hold_after_chdir(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.path.parent)
    video = reelbase.read(clip.path.name)
    monkeypatch.chdir(tmp_path)
    ds = reelbase.empty("data")
    ds.create_tensor("videos", htype="video").append(video)
    monkeypatch.chdir(os.sep)
    assert read_code(ds.videos[0, 3].numpy()) == 3


def test_arrays_are_encoded(ds: reelbase.Dataset) -> None:
    frames = np.zeros((6, 33, 47, 3), np.uint8)
    frames[3:] = (200, 30, 60)
    ds.videos.append(frames)
    ds.videos.append(reelbase.encode(frames, fps=12.5, lossless=True))
    assert ds.videos[0].shape == ds.videos[1].shape == frames.shape
    assert np.abs(ds.videos[0].numpy().astype(int) - frames).mean() < 6
    np.testing.assert_array_equal(ds.videos[1].numpy(), frames)
    assert ds.videos[1].sample_info["fps"] == 12.5


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((2, 8, 8, 1), np.uint8), "(2, 8, 8, 1)"),
        (np.zeros((2, 8, 8, 3)), "float64"),
        (np.zeros((0, 8, 8, 3), np.uint8), "shape"),
        ("clip.mp4", "'clip.mp4'"),
        (b"abc", "b'abc'"),
        (3, "3"),
    ],
)
def test_what_is_no_video_is_refused(ds: reelbase.Dataset, value: object, words: str) -> None:
    with pytest.raises(HtypeError) as caught:
        ds.videos.append(value)
    assert words in str(caught.value)
    assert len(ds.videos) == 0


def test_bad_files_change_nothing(ds: reelbase.Dataset, clip: Clip, tmp_path: Path) -> None:
    whole = clip.path.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video at all\n" * 100)
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    before = sorted(Path(ds.path).rglob("*"))
    for name, error in (
        ("cut.mp4", MediaError),
        ("empty.mp4", MediaError),
        ("text.mp4", UnknownFormatError),
        ("list.mp4", UnknownFormatError),
        ("none.mp4", ObjectNotFoundError),
        (".", ObjectNotFoundError),
    ):
        with pytest.raises(error) as caught:
            ds.videos.append(reelbase.read(tmp_path / name))
        assert str(tmp_path / name).removesuffix("/.") in str(caught.value)
    with pytest.raises(MediaError):
        ds.videos.extend([reelbase.read(clip.path), reelbase.read(tmp_path / "text.mp4")])
    assert len(ds.videos) == 0
    assert sorted(Path(ds.path).rglob("*")) == before


def test_sample_compression_is_kept_to(ds: reelbase.Dataset, clip: Clip, tmp_path: Path) -> None:
    ds.create_tensor("mp4", htype="video", sample_compression="mp4")
    other = make_clip(tmp_path / "b.mkv", container="matroska", frames=5)
    with pytest.raises(UnknownFormatError, match="is not mp4"):
        ds.mp4.append(reelbase.read(other.path))
    ds.mp4.append(reelbase.read(clip.path))
    ds.videos.append(reelbase.read(other.path))
    assert ds.videos[0].sample_info["format"] == "mkv"
    with pytest.raises(UsageError, match="cannot be stored with"):
        ds.create_tensor("png", htype="video", sample_compression="png")
    with pytest.raises(UsageError, match="check="):
        ds.videos.append(reelbase.read(clip.path, check="some"))


def test_frames_that_come_only_once_more_was_seen(tmp_path: Path) -> None:
    """An edit list that starts amid intra refresh: libavcodec withholds frames until it has recovered."""
    params = (
        "bframes=6:b-adapt=2:b-pyramid=normal:ref=5:weightp=1:open-gop=1:keyint=5:min-keyint=2:scenecut=80:slices=3:"
        "constrained-intra=1:intra-refresh=1"
    )
    options = {"preset": "veryfast", "x264-params": params}
    edit_list(ClipRecipe(frames=90, size=(64, 96), fps=25, gop=5, bframes=6, options=options), (21, 40))(
        tmp_path / "a.mp4"
    )
    video = reelbase.read(tmp_path / "a.mp4")
    whole = video.numpy()
    assert len(whole) > 5
    for frame, picture in enumerate(whole):
        np.testing.assert_array_equal(video[frame].numpy(), picture)

"""Every clip of the corpus in a dataset, through every kind of index: by pixels, by codes and by timestamps.

Each clip is made, decoded sequentially with PyAV, and ingested once; the tests of one clip run one after another.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import reelbase
from reelbase.errors import DamagedMediaError, FrameSizeError, SampleIndexError
from reelbase.testing.clips import Clip, read_code, upright
from shared_corpus import shared_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

av = pytest.importorskip("av")

CORPUS = shared_corpus()
RESIZED = [name for name in CORPUS if name.startswith("resized")]
LOCAL = ["h264-b.mp4", "h264-open-gop.ts", "h264-fields.ts", "h264-b.avi", "vp9.webm", "edit-middle.mp4"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A clip in a dataset, and its frames as a sequential decode shows them."""

    clip: Clip
    dataset: reelbase.Dataset
    frames: list[NDArray[np.uint8]]

    @property
    def video(self) -> reelbase.View:
        return self.dataset.videos[0]

    @property
    def array(self) -> NDArray[np.uint8]:
        return np.stack(self.frames)


def sequential(clip: Clip) -> list[NDArray[np.uint8]]:
    with av.open(str(clip.path)) as file:
        shown = file.decode(file.streams.video[clip.main])
        return [upright(frame.to_ndarray(format="rgb24"), clip.matrix) for frame in shown]


def ingested(name: str, folder: Path, url: str) -> Case:
    clip = CORPUS[name](folder / name)
    dataset = reelbase.empty(url)
    dataset.create_tensor("videos", htype="video")
    dataset.videos.append(reelbase.read(str(clip.path)))
    return Case(clip=clip, dataset=dataset, frames=sequential(clip))


def in_memory(name: str, folder: Path) -> Iterator[Case]:
    url = f"mem://{uuid.uuid4().hex}"
    yield ingested(name, folder, url)
    reelbase.delete(url)


@pytest.fixture(scope="module", params=[name for name in CORPUS if name not in RESIZED])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    yield from in_memory(request.param, tmp_path_factory.mktemp("clip"))


def selections(count: int) -> dict[str, Any]:
    """Indices of the frame axis, one of every kind, for a video of `count` frames."""
    last, random = count - 1, np.random.default_rng(count)
    mask = random.random(count) < 0.3
    return {
        "first": 0, "last": last, "minus one": -1, "minus all": -count, "middle": count // 2,
        "numpy int": np.int64(count // 3),
        "all": slice(None), "ellipsis": ..., "half": slice(count // 2), "clip": slice(count // 3, count // 3 + 16),
        "tail": slice(-5, None), "beyond": slice(last, count + 50), "step": slice(1, None, 5),
        "step 13": slice(3, 38, 13),
        "backwards": slice(None, None, -1), "step back": slice(last, 2, -7), "empty": slice(7, 7), "no frames": [],
        "repeats": [last, 0, 0, last, count // 2, last], "unordered": random.permutation(count)[: count // 2].tolist(),
        "negative list": [-1, 0, -count], "shuffled": random.permutation(count), "mask": mask,
        "mask as list": mask.tolist(), "nothing": np.zeros(count, bool),
    }  # fmt: skip


def further_axes(count: int, height: int, width: int) -> dict[str, Any]:
    """Indices that go into the pictures too."""
    h, w = height // 2, width // 2
    return {
        "rows of one channel": (count // 2, slice(h, 2 * h), slice(None), 0),
        "a pixel over time": (slice(None, None, 3), h, w), "a crop": (slice(0, 9, 4), slice(3, h), slice(w, -1)),
        "channels turned": (slice(-2, None), ..., slice(None, None, -1)), "one value": (-1, -1, -1, -1),
        "columns by list": ([0, -1, 0], slice(None), slice(0, w, 7)), "last channel": (..., 2),
    }  # fmt: skip


def test_shape_and_codes(case: Case) -> None:
    count = len(case.clip.codes)
    assert case.video.shape == (count, *case.clip.size, 3)
    frames = case.video.numpy()
    assert frames.dtype == np.uint8
    assert [read_code(frame) for frame in frames] == case.clip.codes.tolist()


def test_every_byte_is_that_of_a_sequential_decode(case: Case) -> None:
    assert np.array_equal(case.video.numpy(), case.array)


def test_every_kind_of_index(case: Case) -> None:
    array = case.array
    for name, key in selections(len(array)).items():
        got, want = case.video[key].numpy(), array[_key(key)]
        assert got.shape == want.shape == case.video[key].shape, name
        codes = [read_code(frame) for frame in got.reshape(-1, *array.shape[1:])]
        assert codes == np.atleast_1d(case.clip.codes[_key(key)]).tolist(), name
        assert np.array_equal(got, want), name


def test_every_frame_alone_in_random_order(case: Case) -> None:
    array = case.array
    for at in np.random.default_rng(7).permutation(len(array)).tolist():
        assert np.array_equal(case.video[at].numpy(), array[at]), at


def test_further_axes(case: Case) -> None:
    array = case.array
    for name, key in further_axes(*array.shape[:3]).items():
        got = case.dataset.videos[(0, *key)].numpy()
        assert np.array_equal(got, array[key]), name


def test_an_index_of_an_index(case: Case) -> None:
    array = case.array
    assert np.array_equal(case.video[::2][::-1][1:].numpy(), array[::2][::-1][1:])
    assert np.array_equal(case.video[[-1, 0, 0]][1].numpy(), array[0])


def test_frames_out_of_range(case: Case) -> None:
    count = len(case.clip.codes)
    for key in (count, -count - 1, [0, count], np.ones(count + 1, bool)):
        with pytest.raises(SampleIndexError):
            case.video[key].numpy()


def test_timestamps(case: Case) -> None:
    video, clip = case.video, case.clip
    stamps, pts = video.timestamps, video.pts
    assert stamps.dtype == np.float64
    assert pts.dtype == np.int64
    assert len(stamps) == len(pts) == len(clip.codes)
    assert np.all(np.diff(pts) >= 0)
    base = Fraction(video.sample_info["time_base"])
    assert stamps.tolist() == [float(int(one) * base) for one in pts]
    assert np.array_equal(video.timestamp, stamps.astype(np.float32))
    assert video.timestamp.dtype == np.float32
    if clip.times is not None:
        assert [int(one) * base for one in pts] == clip.times


def test_timestamps_of_every_kind_of_index(case: Case) -> None:
    stamps, pts = case.video.timestamps, case.video.pts
    for name, key in selections(len(stamps)).items():
        assert np.array_equal(case.video[key].timestamps, stamps[_key(key)]), name
        assert np.array_equal(case.video[key].pts, pts[_key(key)]), name
        assert np.array_equal(case.video[key].timestamp, stamps[_key(key)].astype(np.float32)), name
    assert np.ndim(case.video[0].timestamp) == np.ndim(case.video[0].timestamps) == 0


def test_data(case: Case) -> None:
    data = case.video[[-1, 0]].data()
    assert list(data) == ["frames", "timestamps"]
    assert np.array_equal(data["frames"], case.array[[-1, 0]])
    assert data["timestamps"].dtype == np.float32
    assert np.array_equal(data["timestamps"], case.video.timestamp[[-1, 0]])


def test_the_frame_shown_at_a_time(case: Case) -> None:
    times = case.clip.times
    if times is None or len(set(times)) < len(times):  # no time is one frame's own: the last time is the last frame's
        assert read_code(case.video.at(case.video.timestamps[-1]).numpy()) == case.clip.codes[-1]
        return
    for exact in (case.video.timestamps, case.video.timestamps.astype(object), times):
        assert np.array_equal(case.video.at(exact).pts, case.video.pts)
    rounded = [round(time, 3) for time in case.video.timestamps.tolist()]
    assert np.array_equal(case.video.at(rounded, tolerance=0.0005).pts, case.video.pts)
    middles = [float(a + b) / 2 for a, b in pairwise(times)]
    assert [read_code(frame) for frame in case.video.at(middles).numpy()] == case.clip.codes[:-1].tolist()
    if middles:
        assert read_code(case.video.at(middles[-1]).numpy()) == case.clip.codes[-2]


def test_frames_one_by_one(case: Case) -> None:
    got = list(case.video[2::3].frames())
    assert [read_code(frame) for frame in got] == case.clip.codes[2::3].tolist()


def test_smaller_pictures(case: Case) -> None:
    got = case.video[[-1, 0, -1]].numpy(size=(48, 64))
    assert got.shape == (3, 48, 64, 3)
    assert [read_code(frame) for frame in got] == case.clip.codes[[-1, 0, -1]].tolist()


def test_without_a_dataset(case: Case) -> None:
    file = reelbase.read(str(case.clip.path))
    assert np.array_equal(file[1::4].numpy(), case.array[1::4])
    assert np.array_equal(file.timestamps, case.video.timestamps)


def test_nothing_is_trusted_less_than_it_could_be(case: Case) -> None:
    expected = {"mpeg4-packed.avi": "whole"}.get(case.clip.path.name, "full")
    assert case.video.sample_info["trust"] == expected


def test_unchecked(case: Case) -> None:
    file = reelbase.read(str(case.clip.path), check="none")
    if case.clip.path.name.startswith("joined"):  # only decoding says which of its first frames can be shown
        with pytest.raises(DamagedMediaError):
            file[0].numpy()
        return
    for key in (slice(None), -1, slice(None, None, -3)):
        assert np.array_equal(file[key].numpy(), case.array[key])


def test_the_file_itself_is_kept(case: Case) -> None:
    assert case.video.tobytes() == case.clip.path.read_bytes()


@pytest.fixture(params=RESIZED)
def resized(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    yield from in_memory(request.param, tmp_path)


def test_a_change_of_size_is_never_silent(resized: Case) -> None:
    with pytest.raises(FrameSizeError):
        resized.video.numpy()


def test_a_change_of_size_with_size_given(resized: Case) -> None:
    codes = resized.clip.codes
    for key in (slice(None), [0, -1, 0], slice(None, None, -3)):
        got = resized.video[key].numpy(size=(96, 128))
        assert [read_code(frame) for frame in got] == codes[key].tolist()


def test_frames_of_the_first_size_where_it_changes(resized: Case) -> None:
    assert np.array_equal(resized.video[3:9].numpy(), np.stack(resized.frames[3:9]))
    with pytest.raises(FrameSizeError):
        resized.video[-1].numpy()


@pytest.mark.parametrize("name", LOCAL)
def test_on_disk_after_loading_again(name: str, tmp_path: Path) -> None:
    case = ingested(name, tmp_path, str(tmp_path / "dataset"))
    video = reelbase.load(str(tmp_path / "dataset"), read_only=True).videos[0]
    for key in selections(len(case.frames)).values():
        assert np.array_equal(video[key].numpy(), case.array[_key(key)])


@pytest.mark.parametrize("name", LOCAL)
def test_checked_in_full(name: str, tmp_path: Path) -> None:
    clip = CORPUS[name](tmp_path / name)
    file = reelbase.read(str(clip.path), check="full")
    assert [read_code(frame) for frame in file.numpy()] == clip.codes.tolist()


@pytest.mark.parametrize(("stream", "first"), [(0, 512), (1, 0)])
def test_the_stream_that_was_asked_for(stream: int, first: int, tmp_path: Path) -> None:
    clip = CORPUS["second-is-default.mkv"](tmp_path / "two.mkv")
    file = reelbase.read(str(clip.path), stream=stream)
    assert [read_code(frame) for frame in file[[0, 9]].numpy()] == [first, first + 9]


def test_several_videos_at_once(tmp_path: Path) -> None:
    with_b = ["h264-b.mp4", "h264-b.mkv", "h264-b.ts", "mpeg4-b.avi"]
    clips = [CORPUS[name](tmp_path / name) for name in with_b]
    dataset = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    dataset.create_tensor("videos", htype="video")
    dataset.videos.extend([reelbase.read(str(clip.path)) for clip in clips])
    got = dataset.videos[1:, 5:15:3].numpy()
    assert got.shape == (3, 4, 96, 128, 3)
    assert [[read_code(frame) for frame in one] for one in got] == [[5, 8, 11, 14]] * 3
    reelbase.delete(dataset.path)


def _key(key: Any) -> Any:
    return np.array(key, np.int64) if isinstance(key, list) and not key else key

"""Times of videos, as users ask for them: seconds, frames at a time, and what `sample_info` says of both."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import reelbase
from reelbase.errors import SampleIndexError, UsageError
from reelbase.testing._edits import retimed
from reelbase.testing.clips import ClipRecipe, make_clip, read_code
from shared_corpus import shared_corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

av = pytest.importorskip("av")

CORPUS = shared_corpus()
NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def corpus_video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], reelbase.View]:
    folder = tmp_path_factory.mktemp("clips")

    def read(name: str) -> reelbase.View:
        return reelbase.read(CORPUS[name](folder / name).path)[...]

    return read


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> reelbase.View:
    """100 frames of 29.97 frames per second."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return reelbase.read(make_clip(path, frames=100, fps=NTSC, size=(64, 96)).path)[...]


def joined(folder: Path, *, container: str, suffix: str, frames: int, offset: int, header: int) -> Path:
    """Two recordings one after another, the second of which starts at 0, without any mending of the seam."""
    parts = []
    for number, start in enumerate((offset, 0)):
        codec = "mpeg2video" if container == "mpeg" else "libx264"
        clip = make_clip(
            folder / f"{number}.{suffix}", container=container, codec=codec, frames=frames, first=number * frames,
            offset=start, fps=25, size=(64, 96), bframes=2,
        )  # fmt: skip
        parts.append(clip.path.read_bytes()[header if number else 0 :])
    path = folder / f"joined.{suffix}"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize("offset", [0, 500, 90_000])
@pytest.mark.parametrize("frames", [10, 40])
@pytest.mark.parametrize(
    ("container", "suffix", "header"),
    [("mpegts", "ts", 0), ("matroska", "mkv", 0), ("flv", "flv", 13), ("mpeg", "mpg", 0)],
)
def test_joined_recordings(tmp_path: Path, container: str, suffix: str, header: int, frames: int, offset: int) -> None:
    path = joined(tmp_path, container=container, suffix=suffix, frames=frames, offset=offset, header=header)
    video = reelbase.read(path)
    count, info = 2 * frames, video.sample_info
    assert [read_code(frame) for frame in video.numpy()] == list(range(count))
    np.testing.assert_allclose(np.diff(video.timestamps), 0.04, atol=1e-6)
    assert info["fps"] == pytest.approx(25)
    assert info["declared_fps"] == pytest.approx(25, rel=0.01)
    assert info["clock_restarts"] == 1
    assert "times_go_back" not in info
    middles = video.timestamps + 0.02
    assert [read_code(frame) for frame in video.at(middles).numpy()] == list(range(count))


def test_a_wrong_time_makes_at_refuse(tmp_path: Path) -> None:
    recipe = ClipRecipe(container="mpegts", fps=25, gop=12, offset=250, frames=60)
    clip = retimed(recipe, lambda number, pts: 9000 if number == 24 else pts)(tmp_path / "a.ts")
    video, info = reelbase.read(clip.path), reelbase.read(clip.path).sample_info
    assert [read_code(frame) for frame in video[22:27].numpy()] == [22, 23, 24, 25, 26]
    assert info["times_go_back"] == 1
    assert info["fps"] > 0
    assert info["duration"] > 0
    with pytest.raises(SampleIndexError, match=r"times of this video go back: frame 23 is shown at 10\.92 s"):
        video.at(11.0)
    assert read_code(video[25:].at(11.0).numpy()) == 25


def test_a_clock_that_counts_from_1970(corpus_video: Callable[[str], reelbase.View]) -> None:
    for name in ("since-1970.mkv", "since-1970.mp4"):
        video = corpus_video(name)
        count = video.shape[0]
        assert video.timestamps.tolist() == [1_700_000_000 + number / 25 for number in range(count)]
        assert np.array_equal(video.at(video.timestamps).pts, video.pts)
        assert read_code(video.at(1_700_000_000.41).numpy()) == 10
        assert len(set(video.timestamp.tolist())) == 1
        with pytest.raises(UsageError, match=f"rounded to float32, is the time of {count} frames"):
            video.at(video.timestamp[3])


def test_avi_starts_at_its_first_frame(corpus_video: Callable[[str], reelbase.View]) -> None:
    """FFmpeg's times of these files are a frame late: AVI stores decoding times only."""
    for name in ("h264-b.avi", "h264.avi", "mpeg4-b.avi", "mpeg4.avi"):
        video = corpus_video(name)
        assert video.timestamps.tolist() == [number / 30 for number in range(40)]
        assert video.sample_info["times_from"] == "decoding"
        assert video.sample_info["start_time"] == 0


def test_where_times_come_from(corpus_video: Callable[[str], reelbase.View]) -> None:
    for name, source in {
        "h264-b.mp4": "presentation", "h264-b.ts": "presentation", "missing-pts.ts": "presentation and rate",
    }.items():  # fmt: skip
        assert corpus_video(name).sample_info["times_from"] == source, name


def test_declared_fps_is_beside_the_average(tmp_path: Path) -> None:
    gaps = make_clip(tmp_path / "a.mkv", container="matroska", frames=30, fps=25, gaps=(1, 1, 8))
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video").append(reelbase.read(gaps.path))
    info = ds.videos[0].sample_info
    assert info["declared_fps"] == 25
    assert info["fps"] < 10
    assert ds.videos[0].sample_info["variable_rate"]
    assert len(ds.filter("videos.declared_fps == 25 and videos.fps < 10")) == 1


def test_times_rounded_to_a_millisecond_need_a_tolerance(video: reelbase.View) -> None:
    table = [float(f"{time:.3f}") for time in video.timestamps]
    assert (video.at(table).pts != video.pts).sum() > 25
    assert np.array_equal(video.at(table, tolerance=0.0005).pts, video.pts)
    assert read_code(video.at(table[7], tolerance=0.0005).numpy()) == 7
    assert np.array_equal(video.at(video.timestamps + 0.02, tolerance=0.0005).pts, video.pts)
    with pytest.raises(UsageError, match=r"2 frames begin within 0.02 s of 1.018"):
        video.at(1.018, tolerance=0.02)


def test_numbers_of_every_kind(video: reelbase.View) -> None:
    second = Fraction(1001, 30000)
    for time in (
        float(2 * second), np.float64(2 * second), np.float32(2 * second), np.array(float(2 * second)), 2 * second,
        Decimal("0.0667334"),
    ):  # fmt: skip
        assert read_code(video.at(time).numpy()) == 2, time
    assert read_code(video.at(Decimal("0.066733")).numpy()) == 1
    assert read_code(video.at(1).numpy()) == read_code(video.at("1").numpy()) == 29
    times = video.timestamps
    many: list[Any] = [times, times.tolist(), tuple(times), times.astype(object), times.astype(np.float32)]
    for several in (*many, [frame * second for frame in range(100)]):
        assert np.array_equal(video.at(several).pts, video.pts)
    assert video.at([]).shape == (0, 64, 96, 3)
    for tolerance in (Decimal("0.0005"), Fraction(1, 2000), np.float32(0.0005), 0, 0.0):
        assert np.array_equal(video.at(times, tolerance=tolerance).pts, video.pts)


@pytest.mark.parametrize(
    "wrong", ["one second", None, np.timedelta64(1, "s"), [np.datetime64("2026-01-01")], 1j, object(), [None]]
)
def test_what_is_not_a_time(video: reelbase.View, wrong: Any) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        video.at(wrong)


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf"), "wide", None, [0.1]])
def test_what_is_not_a_tolerance(video: reelbase.View, wrong: Any) -> None:
    with pytest.raises(UsageError, match="is not a tolerance"):
        video.at(1.0, tolerance=wrong)


@pytest.mark.parametrize("wrong", [-1e-9, 100 * 1001 / 30000, np.nan, np.inf, -np.inf, Fraction(-1, 10**12)])
def test_times_at_which_nothing_is_shown(video: reelbase.View, wrong: Any) -> None:
    with pytest.raises(SampleIndexError, match="No frame is shown at"):
        video.at(wrong)
    with pytest.raises(SampleIndexError, match="No frame is shown at"):
        video.at([0, 1, wrong])


def test_some_frames_of_a_video_end_with_the_last_of_them(video: reelbase.View) -> None:
    clip = video[10:20]
    assert read_code(clip.at(20 * 1001 / 30000 - 1e-6).numpy()) == 19
    for outside in (1.0, 20 * 1001 / 30000, 0.3):
        with pytest.raises(SampleIndexError, match="No frame is shown at"):
            clip.at(outside)
    every_fifth = video[::5]
    assert read_code(every_fifth.at(3.3).numpy()) == 95
    with pytest.raises(SampleIndexError, match="in the order they are shown"):
        video[::-1].at(1.0)


def test_several_rows_and_one_frame(tmp_path: Path, video: reelbase.View) -> None:
    short = make_clip(tmp_path / "b.mp4", frames=8, fps=10, size=(64, 96))
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video").append(reelbase.read(short.path))
    ds.videos.append(reelbase.read(short.path))
    exact, rounded = ds.videos[:].timestamps, ds.videos[:].timestamp
    assert (exact.dtype, rounded.dtype) == (np.float64, np.float32)
    assert exact.tolist() == [[number / 10 for number in range(8)]] * 2
    assert np.array_equal(rounded, exact.astype(np.float32))
    assert isinstance(ds.videos[0, 3].timestamps, np.float64)
    assert isinstance(ds.videos[0, 3].timestamp, np.float32)
    assert isinstance(ds.videos[0, 3].data()["timestamps"], np.float32)
    assert ds.videos[0, 2:4].data()["timestamps"].dtype == np.float32


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.ts", "vfr.mkv", "offset.flv", "clock-runs-over.ts", "double-pts.ts"])
def test_any_time_finds_what_a_player_would_show(name: str, corpus_video: Callable[[str], reelbase.View]) -> None:
    video = corpus_video(name)
    base = Fraction(video.sample_info["time_base"])
    exact = [int(tick) * base for tick in video.pts]
    for before, after in itertools.pairwise(sorted(set(exact))):
        for time in (before, (before + after) / 2, after - base / 1000):
            expected = max(number for number, shown in enumerate(exact) if shown <= time)
            assert video.at(time).pts == video.pts[expected]
            assert video.at(float(time)).pts == video.pts[expected]

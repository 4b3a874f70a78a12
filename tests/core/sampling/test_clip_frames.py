"""Which frames a clip has, against rules written apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelbase.errors import SampleIndexError, UsageError
from reelbase.sampling import Clips, Lengths


@dataclass
class Video:
    """A video of frames at given ticks."""

    times: NDArray[np.int64]
    end: int
    time_base: Fraction = Fraction(1, 1000)
    entry_frames: NDArray[np.int64] = field(default_factory=lambda: np.array([0]))

    @property
    def lengths(self) -> Lengths:
        first = int(self.times[0]) if len(self.times) else 0
        return Lengths(np.array([len(self.times)]), [(self.end - first) * self.time_base])


def steady(frames: int, ticks: int = 40) -> Video:
    return Video(np.arange(frames) * ticks, frames * ticks)


VARIABLE = st.lists(st.integers(1, 90), min_size=1, max_size=40).map(
    lambda gaps: Video(np.cumsum([7, *gaps[:-1]]), int(np.sum(gaps)) + 7)
)
DRAWS = st.floats(0, 1, exclude_max=True)


@given(frames=st.integers(1, 9), stride=st.integers(1, 5), length=st.integers(1, 60), draw=DRAWS)
def test_a_random_clip_is_inside_if_it_fits(frames: int, stride: int, length: int, draw: float) -> None:
    clips = Clips(frames=frames, stride=stride)
    clip = clips.cut(steady(length), 0, draw)
    wanted = clip.frames[0] + np.arange(frames) * stride
    np.testing.assert_array_equal(clip.frames, np.minimum(wanted, length - 1))
    np.testing.assert_array_equal(clip.is_pad, wanted >= length)
    if clips.span <= length:
        assert not clip.is_pad.any()
    else:
        assert clip.frames[0] == 0


def test_every_place_is_drawn() -> None:
    clips = Clips(frames=4, stride=2)
    starts = {int(clips.cut(steady(20), 0, draw).frames[0]) for draw in np.arange(1000) / 1000}
    assert starts == set(range(20 - 6))


@given(
    length=st.integers(1, 80), frames=st.integers(1, 7), stride=st.integers(1, 4), step=st.integers(1, 20) | st.none()
)
def test_all_clips_reach_the_last_frame(length: int, frames: int, stride: int, step: int | None) -> None:
    clips = Clips(frames=frames, stride=stride, at="all", step=step)
    video = steady(length)
    count = int(clips.count(video.lengths)[0])
    starts = [int(clips.cut(video, number, 0.0).frames[0]) for number in range(count)]
    taken = step or clips.span
    assert starts == [number * taken for number in range(count)]
    assert starts[-1] + max(clips.span, taken) >= length
    assert count == 1 or starts[-2] + clips.span < length  # and none that is not needed
    whole = Clips(frames=frames, stride=stride, at="all", step=step, pad="skip")
    assert int(whole.count(video.lengths)[0]) == sum(start + clips.span <= length for start in starts)


@pytest.mark.parametrize(("per_video", "starts"), [(1, [8]), (2, [4, 12]), (4, [2, 6, 10, 14])])
def test_uniform_places(per_video: int, starts: list[int]) -> None:
    clips = Clips(frames=5, per_video=per_video, at="uniform")
    assert [int(clips.cut(steady(20), number, 0.9).frames[0]) for number in range(per_video)] == starts


@given(video=VARIABLE, fps=st.integers(1, 60), draw=DRAWS, frames=st.integers(1, 8))
def test_frames_by_time(video: Video, fps: int, draw: float, frames: int) -> None:
    """Each frame is the one that is shown at its time, by going through all frames."""
    clips = Clips(frames=frames, fps=fps, at="random")
    clip = clips.cut(video, 0, draw)
    steps = 0
    while int(video.times[0]) * video.time_base + Fraction(steps, fps) < video.end * video.time_base:
        steps += 1
    room = max(1, steps - frames + 1)
    for place, (frame, is_pad) in enumerate(zip(clip.frames.tolist(), clip.is_pad.tolist(), strict=True)):
        number = int(draw * room) + place
        assert is_pad == (number >= steps)
        at = int(video.times[0]) * video.time_base + Fraction(min(number, steps - 1), fps)
        shown = [k for k, tick in enumerate(video.times.tolist()) if tick * video.time_base <= at]
        assert frame == shown[-1]


@pytest.mark.parametrize("fps", [30000 / 1001, Fraction(30000, 1001), np.float64(30000 / 1001)])
def test_the_rate_of_the_video_gives_every_frame_once(fps: float) -> None:
    video = Video(np.arange(5000) * 1001, 5000 * 1001, Fraction(1, 30000))
    clip = Clips(frames=5000, fps=fps).cut(video, 0, 0.0)
    np.testing.assert_array_equal(clip.frames, np.arange(5000))
    np.testing.assert_array_equal(Clips(frames=100, seconds=100 * 1001 / 30000).cut(video, 0, 0).frames, np.arange(100))


def test_key_frames() -> None:
    video = Video(np.arange(30) * 40, 1200, entry_frames=np.array([0, 12, 24]))
    clips = Clips(frames=8, at="keyframes")
    assert {int(clips.cut(video, 0, draw).frames[0]) for draw in (0.0, 0.3, 0.6, 0.99)} == {0, 12}
    assert int(Clips(frames=40, at="keyframes").cut(video, 0, 0.9).frames[0]) == 0


@pytest.mark.parametrize(
    ("pad", "frames"), [("repeat_last", [0, 2, 4, 4]), ("wrap", [0, 2, 4, 1]), ("zeros", [0, 2, 4, 4])]
)
def test_what_stands_in(pad: str, frames: list[int]) -> None:
    clip = Clips(frames=4, stride=2, pad=pad).cut(steady(5), 0, 0.7)
    assert clip.frames.tolist() == frames
    assert clip.is_pad.tolist() == [False, False, False, True]


def test_what_does_not_fit() -> None:
    lengths = Lengths(np.array([5, 0, 20]))
    assert Clips(frames=8, pad="skip", per_video=3).count(lengths).tolist() == [0, 0, 3]
    assert Clips(frames=8, per_video=3).count(lengths).tolist() == [3, 0, 3]
    with pytest.raises(UsageError, match="1 videos are shorter than a clip of 8 frames: the first is row 0, with 5"):
        Clips(frames=8, pad="error").count(lengths)
    with pytest.raises(SampleIndexError, match="has no frames"):
        Clips(frames=1).cut(steady(0), 0, 0)
    with pytest.raises(SampleIndexError, match="does not fit"):
        Clips(frames=8, pad="error").cut(steady(5), 0, 0)
    back = Video(np.array([0, 80, 40]), 120)
    with pytest.raises(SampleIndexError, match="go back"):
        Clips(frames=2, fps=10).cut(back, 0, 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"frames": 0}, {"frames": 2.5}, {"frames": True}, {"frames": "8"}, {"frames": 8, "stride": 0},
        {"frames": 8, "fps": 0}, {"frames": 8, "fps": float("nan")}, {"frames": 8, "fps": "25"},
        {"frames": 8, "fps": 25, "stride": 2}, {"frames": 8, "fps": 25, "seconds": 1}, {"frames": 8, "at": "middle"},
        {"frames": 8, "pad": "black"}, {"frames": 8, "step": 4}, {"frames": 8, "at": "all", "per_video": 2},
        {"frames": 8, "at": "keyframes", "fps": 5}, {"frames": 8, "per_video": -1},
    ],
)  # fmt: skip
def test_settings_that_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Clips(**settings)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_taken() -> None:
    clips = Clips(frames=np.int64(4), fps=np.float32(29.97))
    assert clips.frames == 4
    assert clips.rate is not None
    assert abs(clips.rate - Fraction("29.97")) < Fraction(1, 100_000)

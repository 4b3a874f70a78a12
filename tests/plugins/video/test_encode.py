"""Arrays to mp4 and back."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest

from reelbase.errors import HtypeError, UsageError
from reelbase.plugin import Blob, Encode, Sample
from reelbase_plugins.video.demux.containers import Avi, Mp4
from reelbase_plugins.video.encode import ENCODERS
from reelbase_plugins.video.htype import Video

pytest.importorskip("av")

NTSC = Fraction(30000, 1001)
CODEC = Mp4("mp4")


def ramp(frames, height, width):
    """Smooth pictures: any codec keeps them near."""
    n, y, x = np.mgrid[0:frames, 0:height, 0:width]
    return np.stack([x * 200 // width + 20, y * 200 // height + 20, n * 10 + 30], -1).astype(np.uint8)


def back(data):
    found = CODEC.ingest(Blob.of(data), io.BytesIO(), filename="a.mp4")
    return found, CODEC.decode(Blob.of(data), found.index.plan(np.arange(len(found.index))))


@pytest.mark.parametrize("size", [(64, 96), (63, 97), (64, 97), (17, 16)])
@pytest.mark.parametrize("codec", ENCODERS)
def test_near(codec, size):
    frames = ramp(6, *size)
    found, decoded = back(CODEC.encode(frames, codec=codec))
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 6
    assert found.info.details["fps"] == 30
    assert found.info.details["codec"] == codec


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (33, 18)])
def test_lossless_is_equal(size):
    frames = np.random.default_rng(0).integers(0, 255, (4, *size, 3), np.uint8, endpoint=True)
    assert np.array_equal(back(CODEC.encode(frames, lossless=True))[1], frames)


@pytest.mark.parametrize(("fps", "exact"), [(25, 25), (29.97, Fraction(2997, 100)), (NTSC, NTSC)])
def test_fps(fps, exact):
    found, _ = back(CODEC.encode(ramp(5, 16, 16), fps=fps))
    times = [int(time) * found.index.time_base for time in found.index.times]
    assert times == [n / Fraction(exact) for n in range(5)]


def test_quality_matters():
    noise = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), np.uint8)
    assert len(CODEC.encode(noise, quality=5)) > 2 * len(CODEC.encode(noise, quality=45))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"codec": "h261"}, "'h261'"),
        ({"quality": 99}, "99"),
        ({"fps": 0}, "fps=0"),
        ({"fps": float("nan")}, "nan"),
        ({"lossless": True, "codec": "vp9"}, "lossless"),
        ({"colour": 1}, "'colour'"),
    ],
)
def test_wrong_options(options, said):
    with pytest.raises(UsageError, match=said):
        CODEC.encode(ramp(2, 16, 16), **options)


@pytest.mark.parametrize(("shape", "dtype"), [((0, 8, 8, 3), "u1"), ((2, 8, 8), "u1"), ((2, 8, 8, 3), "f8")])
def test_no_frames(shape, dtype):
    array = np.zeros(shape, dtype)
    with pytest.raises(HtypeError, match="frames"):
        CODEC.encode(array)
    with pytest.raises(HtypeError):
        Video().check(array)


def test_other_containers_do_not_encode():
    with pytest.raises(UsageError, match="'avi'"):
        Avi("avi").encode(ramp(2, 16, 16))


def test_htype():
    frames = ramp(2, 16, 16)
    wrapped = Video().check(frames)
    assert isinstance(wrapped, Encode)
    assert wrapped.array is frames
    assert Video().check(wrapped) is wrapped
    sample = Sample(filename="a", open=lambda: Blob.of(b""))
    assert Video().check(sample) is sample
    for value in ("a.mp4", 3, None, [frames], Encode(array=frames[0])):
        with pytest.raises(HtypeError):
            Video().check(value)


@pytest.mark.parametrize("quality", ["x", 500, 1.5, -1])
def test_a_wrong_quality_is_named(quality: object) -> None:
    with pytest.raises(UsageError, match=r"quality=.* is not an int from 0 to 51"):
        Mp4("mp4").encode(np.zeros((2, 16, 16, 3), np.uint8), quality=quality)

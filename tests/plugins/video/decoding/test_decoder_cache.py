"""Reads that go on where the last one ended decode each packet once, and show what a read by itself shows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reelbase
from reelbase.testing.clips import Clip, make_clip, read_code
from reelbase_plugins.video.decoding import decoder_cache
from reelbase_plugins.video.decoding.decoder import Decoding
from shared_corpus import shared_corpus

FRAMES = 120


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No decoder is kept."""
    decoder_cache.decoder_cache._reset_after_fork()
    yield
    decoder_cache.decoder_cache._reset_after_fork()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """One group of pictures."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=FRAMES, gop=FRAMES, bframes=2)


@pytest.fixture
def video(clip: Clip) -> reelbase.View:
    return stored(clip.path, "walked")


def stored(path: Path, name: str) -> reelbase.View:
    ds = reelbase.empty(f"mem://{name}", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(path))
    return ds.videos[0]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The packets that decoders were fed."""
    fed: list[int] = []
    real = Decoding.decode

    def decode(self: Decoding, packet: object) -> object:
        if packet is not None:
            fed.append(packet.pts)  # type: ignore[attr-defined]
        return real(self, packet)  # type: ignore[arg-type]

    monkeypatch.setattr(Decoding, "decode", decode)
    return fed


def codes(frames: np.ndarray) -> list[int]:
    return [read_code(frame) for frame in frames]


@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_walk_decodes_each_packet_about_once(video: reelbase.View, clip: Clip, decoded: list[int], step: int) -> None:
    """The second clip sees that it is one, and begins again; from there on nothing is decoded twice."""
    for start in range(0, FRAMES - 8 * step, 8 * step):
        wanted = slice(start, start + 8 * step, step)
        assert codes(video[wanted].numpy()) == clip.codes[wanted].tolist()
    assert len(decoded) < FRAMES + 5 * 8 * step, len(decoded)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_a_walk_over_groups_of_pictures(codec: str, tmp_path: Path, decoded: list[int]) -> None:
    options = {"preset": "10", "crf": "20", "svtav1-params": "lp=1"} if codec == "libsvtav1" else {}
    clip = make_clip(tmp_path / "clip.mp4", codec=codec, frames=60, gop=20, options=options)
    video = stored(clip.path, f"groups-{codec}")
    decoded.clear()
    for start in range(0, 60, 4):
        assert codes(video[start : start + 4].numpy()) == clip.codes[start : start + 4].tolist()
    assert len(decoded) < 60 + 30, len(decoded)
    assert (
        len(next(iter(decoder_cache.decoder_cache._kept.values()))[2]._fed) < 45
    )  # packets of earlier groups are forgotten


def test_frame_after_frame(video: reelbase.View, clip: Clip, decoded: list[int]) -> None:
    for number in range(FRAMES):
        assert read_code(video[number].numpy()) == clip.codes[number]
    assert len(decoded) < FRAMES + 20


def test_single_frames_anywhere_decode_no_more_than_they_need(
    video: reelbase.View, clip: Clip, decoded: list[int]
) -> None:
    """A jump back does not count as a walk."""
    for number in (100, 50, 20, 5):
        decoded.clear()
        assert read_code(video[number].numpy()) == clip.codes[number]
        assert len(decoded) <= number + 4


NAMES = [
    "h264-b.mp4", "h264-open-gop.ts", "hevc-open-gop.ts", "vp9.webm", "av1.ivf", "mpeg2-b.mpg", "edit-middle.mp4",
    "png.mov", "mpeg4-b.avi", "mjpeg.avi",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[reelbase.View, np.ndarray]]:
    """A clip of the corpus, and all of its frames."""
    made: dict[str, tuple[reelbase.View, np.ndarray]] = {}

    def get(name: str) -> tuple[reelbase.View, np.ndarray]:
        if name not in made:
            path = tmp_path_factory.mktemp("clip") / name
            shared_corpus()[name](path)
            video = stored(path, f"whole-{name}")
            made[name] = video, video.numpy()
        return made[name]

    return get


SIZES, STEPS = st.integers(1, 16), st.integers(1, 5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_whatever_was_read_before(
    whole: Callable[[str], tuple[reelbase.View, np.ndarray]], name: str, data: st.DataObject
) -> None:
    """Any requests one after another: each gives what it would give by itself."""
    video, frames = whole(name)
    count = len(frames)
    place = st.integers(0, count - 1)
    for _ in range(data.draw(st.integers(2, 8))):
        wanted = data.draw(
            st.one_of(
                place.map(lambda start: slice(start, start + 1)),
                st.builds(lambda start, size, step: slice(start, start + size, step), place, SIZES, STEPS),
                st.lists(place, min_size=1, max_size=5),
            )
        )
        np.testing.assert_array_equal(video[wanted].numpy(), frames[wanted])


def test_threads_on_one_video(video: reelbase.View, clip: Clip) -> None:
    """Each gets its own frames."""
    wrong: list[int] = []

    def walk(start: int) -> None:
        for number in range(start, FRAMES, 4):
            if read_code(video[number].numpy()) != clip.codes[number]:
                wrong.append(number)

    threads = [threading.Thread(target=walk, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_child_has_its_own(video: reelbase.View, clip: Clip) -> None:
    for number in range(5):
        video[number].numpy()
    pid = os.fork()
    if pid == 0:
        try:
            right = all(read_code(video[number].numpy()) == clip.codes[number] for number in range(5, 20))
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert codes(video[5:20].numpy()) == clip.codes[5:20].tolist()


def test_they_are_few(clip: Clip, tmp_path: Path) -> None:
    ds = reelbase.empty("mem://few", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.videos.extend([reelbase.read(clip.path, check="none")] * 40)
    for row in range(40):
        for number in range(4):
            ds.videos[row, number].numpy()
    kept = decoder_cache.decoder_cache._kept
    assert 0 < len(kept) <= 16
    assert decoder_cache.decoder_cache._count_bytes() <= 256 << 20


def test_another_file_with_the_same_index(clip: Clip, tmp_path: Path) -> None:
    """A decoder belongs to the bytes that it was fed, not to the index alone."""
    other = make_clip(tmp_path / "other.mp4", frames=FRAMES, gop=FRAMES, bframes=2, first=500)
    for path, right in ((clip.path, clip), (other.path, other)):
        media = reelbase.read(path)
        for number in range(10):
            assert read_code(media[number].numpy()) == right.codes[number]

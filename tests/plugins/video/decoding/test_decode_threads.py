"""However many threads decode and convert, the frames are those that one shows."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reelbase
from reelbase.errors import DamagedMediaError, FrameSizeError
from reelbase.plugin import Blob, Limits, Plan
from reelbase.testing.clips import Clip, make_clip, read_code
from reelbase_plugins.video.decoding import decoder_cache, decoder_config, execute_plan, runs
from reelbase_plugins.video.decoding.scheduling import share_out
from reelbase_plugins.video.demux.containers import Mp4
from shared_corpus import shared_corpus

CORPUS = shared_corpus()
CLIPS = ["h264-b.mp4", "h264-open-gop.ts", "h264-fields.ts", "hevc-open-gop.ts", "vp9.webm", "av1.mp4"]
CLIPS += ["edit-middle.mp4", "mpeg4-b.avi"]
FRAMES = 90


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No decoder is kept, and no video counts as damaged."""
    decoder_cache.decoder_cache._reset_after_fork()
    runs._doubtful.clear()
    yield
    decoder_cache.decoder_cache._reset_after_fork()


@pytest.fixture(params=[2, 3, 7])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine of so many processors."""
    monkeypatch.setattr(execute_plan, "count_threads", lambda most: request.param)
    return request.param


@pytest.fixture
def decoder_threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that decoders had."""
    had: list[int] = []
    real = decoder_config.DecoderConfig.open_context

    def open_context(self: decoder_config.DecoderConfig, **how: int) -> object:
        made = real(self, **how)
        had.append(made.thread_count)
        return made

    monkeypatch.setattr(decoder_config.DecoderConfig, "open_context", open_context)
    return had


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """One group of pictures."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=FRAMES, gop=FRAMES, bframes=2)


def stored(path: Path, **how: object) -> reelbase.View:
    ds = reelbase.empty(f"mem://threads-{path.parent.name}-{path.name}", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(path, **how))
    return ds.videos[0]


def codes(frames: np.ndarray) -> list[int]:
    return [read_code(frame) for frame in frames]


@pytest.mark.parametrize("name", CLIPS)
def test_corpus(name: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = stored(CORPUS[name](tmp_path / name).path)
    together, streamed, some = video.numpy(), np.stack(list(video.frames())), video[::3].numpy()
    monkeypatch.setattr(execute_plan, "count_threads", lambda most: 1)
    alone = video.numpy()
    assert np.array_equal(together, alone)
    assert np.array_equal(streamed, alone)
    assert np.array_equal(some, alone[::3])


def test_one_long_run(long: Clip, threads: int, decoder_threads: list[int]) -> None:
    video = stored(long.path)
    decoder_threads.clear()
    assert codes(video.numpy()) == list(range(FRAMES))
    assert decoder_threads[-1] == {2: 3, 3: 2, 7: 5}[threads]
    assert codes(video[10:70:7].numpy()) == list(range(10, 70, 7))
    assert codes(video[64].numpy()[np.newaxis]) == [64]


def test_a_walk(long: Clip, threads: int) -> None:
    video = stored(long.path)
    for start in range(0, FRAMES, 16):
        assert codes(video[start : start + 16].numpy()) == list(range(start, min(start + 16, FRAMES)))


def test_unchecked_files_have_one_thread(long: Clip, threads: int, decoder_threads: list[int]) -> None:
    video = stored(long.path, check="none")
    decoder_threads.clear()
    assert codes(video.numpy()) == list(range(FRAMES))
    assert set(decoder_threads) == {1}


@pytest.mark.parametrize("hurt", [20, 40, 60])
def test_doubt(long: Clip, monkeypatch: pytest.MonkeyPatch, decoder_threads: list[int], hurt: int) -> None:
    """Damage that is found while decoding, where nothing says what the bytes were: what one thread shows, and one
    thread from then on."""
    data = bytearray(Path(long.path).read_bytes())
    codec = Mp4("mp4", limits=Limits())
    index = replace(codec.ingest(Blob.of(bytes(data)), io.BytesIO(), filename="clip.mp4").index, crcs=None)
    at, size = int(index.pos[hurt]), int(index.size[hurt])
    data[at + size // 3 : at + size] = bytes(size - size // 3)
    plan = index.plan(range(FRAMES))
    shown: list[bytes | str] = []
    for threads in (1, 8):
        monkeypatch.setattr(execute_plan, "count_threads", lambda most, n=threads: n)
        shown.append(_shown(codec, Blob.of(bytes(data)), plan))
    assert max(decoder_threads) > 1
    assert shown[0] == shown[1]
    decoder_threads.clear()
    assert _shown(codec, Blob.of(bytes(data)), plan) == shown[0]
    assert set(decoder_threads) == {1}


def _shown(codec: Mp4, blob: Blob, plan: Plan) -> bytes | str:
    try:
        return hashlib.sha256(codec.decode(blob, plan)).digest()
    except DamagedMediaError as error:
        return str(error)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_fork(long: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders that the parent keeps have no threads in the child, and are not closed there."""
    monkeypatch.setattr(execute_plan, "count_threads", lambda most: 8)
    video = stored(long.path)
    going = video.frames()
    assert read_code(next(going)) == 0
    assert codes(video[0:20].numpy()) == list(range(20))
    child = os.fork()
    if not child:
        del going
        os._exit(codes(video[20:40].numpy()) != list(range(20, 40)))
    assert os.waitpid(child, 0)[1] == 0
    assert read_code(next(going)) == 1


def test_frames_before_an_error_come(tmp_path: Path, threads: int) -> None:
    name = next(name for name in CORPUS if name.startswith("resized"))
    video = stored(CORPUS[name](tmp_path / name).path)
    seen = []
    with pytest.raises(FrameSizeError):
        for frame in video.frames():
            seen.append(read_code(frame))
    assert seen == list(range(len(seen)))
    assert seen
    with pytest.raises(FrameSizeError):
        video.numpy()


@given(st.lists(st.integers(1, 400), max_size=40), st.integers(1, 64), st.booleans())
def test_every_run_is_decoded_once(costs: list[int], threads: int, sound: bool) -> None:
    share = share_out(costs, threads, sound=sound)
    assert sorted(run for lane in share.lanes for run in lane) == list(range(len(costs)))
    assert all(list(lane) == sorted(lane) and lane for lane in share.lanes)
    assert (
        len(share.lanes) * (share.decoder_threads + share.converter_threads) <= max(threads, 1)
        or share.converter_threads == 0
    )
    assert sound or share.decoder_threads == 1
    assert len(share.lanes) <= threads


def test_equal_runs_go_side_by_side() -> None:
    assert share_out([30] * 10, 4, sound=True).decoder_threads == 1
    assert len(share_out([30] * 10, 4, sound=True).lanes) == 4
    assert share_out([250, 10], 8, sound=True).lanes == [[0, 1]]

"""Codecs in processes of their own keep the contract; whatever happens there, the caller gets an error and goes on."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase import config, registry
from reelbase.errors import (
    ConnectionFailedError,
    DamagedMediaError,
    LimitError,
    MediaError,
    UnknownFormatError,
)
from reelbase.io.blob import Blob
from reelbase.isolation.isolated_codec import IsolatedCodec, isolate
from reelbase.testing import CodecCase, FrameCodecTests
from reelbase.testing.clips import Clip, make_clip, read_code
from reelbase_plugins.video.demux import containers
from shared_corpus import shared_corpus

CLIPS = {"h264-open-gop.mp4": containers.Mp4, "hevc-open-gop.ts": containers.Ts, "vp8-hidden.webm": containers.Webm}


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the [security] settings of a test."""

    def use(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"REELBASE_SECURITY__{name.upper()}", str(value))
        config.reset()
        registry.reset()

    use(isolate_decode="true")
    yield use
    monkeypatch.undo()
    config.reset()
    registry.reset()


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CodecCase]:
    made, every = {}, shared_corpus()
    for name, kind in CLIPS.items():
        path = tmp_path_factory.mktemp("clip") / name
        every[name](path)
        codec = isolate(kind)(path.suffix[1:])
        made[name] = CodecCase(codec=codec, data=path.read_bytes(), filename=name)
    return made


class TestIsolated(FrameCodecTests):
    @pytest.fixture(params=CLIPS)
    def case(self, request: pytest.FixtureRequest, cases: dict[str, CodecCase]) -> CodecCase:
        return cases[request.param]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=30, gop=10, bframes=2)


@dataclass
class Acting:
    """Bytes; at a read something is done, to the worker that waits for it, for example."""

    data: bytes
    act: Callable[[int], object]
    others: set[int]

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        started = set(_all_workers()) - self.others
        self.act(min(started, default=0))
        return self.data[start:stop]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.get(key, *span) for span in ranges]


def _all_workers() -> list[int]:
    """Of any thread of this process."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread, or a child, that has ended
            for pid in (task / "children").read_text().split():
                if b"reelbase.decode_worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


def ingest(codec: IsolatedCodec, clip: Clip, act: Callable[[int], object]) -> object:
    source = Acting(clip.path.read_bytes(), act, set(_all_workers()))
    with tempfile.TemporaryFile() as spool:
        return codec.ingest(Blob(source, "clip.mp4", 0, len(source.data)), spool, filename="clip.mp4")


@pytest.fixture
def codec() -> IsolatedCodec:
    return isolate(containers.Mp4)("mp4")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash(codec: IsolatedCodec, clip: Clip, number: signal.Signals) -> None:
    """It is named; the next call has a worker again."""
    with pytest.raises(MediaError, match=rf"clip.mp4 ended the process that decoded it: signal {number.name}"):
        ingest(codec, clip, lambda worker: os.kill(worker, number))
    assert ingest(codec, clip, lambda _: None).info.shape[0] == 30  # type: ignore[attr-defined]


def test_a_hang(codec: IsolatedCodec, clip: Clip, bounds: Callable[..., None]) -> None:
    bounds(isolate_seconds=5)  # long enough for a process to start on a busy machine
    before = set(_all_workers())
    with pytest.raises(LimitError, match=r"Decoding .*clip.mp4 was stopped: it took more than 5 s.\n.*isolate_seconds"):
        ingest(codec, clip, lambda worker: os.kill(worker, signal.SIGSTOP))
    assert set(_all_workers()) <= before


def test_too_little_memory(codec: IsolatedCodec, clip: Clip, bounds: Callable[..., None]) -> None:
    bounds(isolate_bytes="30MB")
    with pytest.raises(LimitError, match=r"with 30000000 bytes of memory did not start.*\n.*isolate_bytes"):
        ingest(codec, clip, lambda _: None)


def test_what_a_read_raises_is_raised(codec: IsolatedCodec, clip: Clip) -> None:
    def fail(_: int) -> None:
        raise ConnectionFailedError("No connection to the store.", "Try again.")

    with pytest.raises(ConnectionFailedError, match="No connection to the store"):
        ingest(codec, clip, fail)
    assert ingest(codec, clip, lambda _: None).info.shape[0] == 30  # type: ignore[attr-defined]


def test_an_interrupt_goes_through(codec: IsolatedCodec, clip: Clip) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    before = set(_all_workers())
    with pytest.raises(KeyboardInterrupt):
        ingest(codec, clip, interrupt)
    assert set(_all_workers()) <= before
    assert ingest(codec, clip, lambda _: None).info.shape[0] == 30  # type: ignore[attr-defined]


def test_a_worker_has_no_secret_and_few_means(
    codec: IsolatedCodec, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "c4nary")
    monkeypatch.setenv("REELBASE_STORAGE__S3__ENDPOINT_URL", "https://c4nary.example")
    seen: dict[str, str] = {}

    def look(worker: int) -> None:
        for name in ("environ", "cmdline", "limits"):
            seen[name] = Path(f"/proc/{worker}/{name}").read_bytes().decode()

    ingest(codec, clip, look)
    assert "c4nary" not in seen["environ"] + seen["cmdline"]
    limits = {line[:25].strip(): line[26:].split()[0] for line in seen["limits"].splitlines()}
    assert (limits["Max file size"], limits["Max core file size"]) == ("0", "0")
    assert limits["Max data size"] == "4000000000"


def test_it_writes_no_file(tmp_path: Path, clip: Clip) -> None:
    """Not by accident, not by intent."""
    codec = isolate(containers.Mp4)("mp4")
    limits: list[str] = []
    ingest(codec, clip, lambda worker: limits.append(str(Path(f"/proc/{worker}/cwd").readlink())))
    assert set(limits) == {"/"}


def test_datasets(tmp_path: Path, clip: Clip) -> None:
    """Appended, read, walked; what is not a video is refused as always."""
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(clip.path))
    assert isinstance(registry.registry().codec("mp4"), IsolatedCodec)
    assert [read_code(one) for one in ds.videos[0].numpy()] == clip.codes.tolist()
    assert read_code(ds.videos[0, 17].numpy()) == clip.codes[17]
    assert ds.videos[0, ::7].numpy(size=(20, 30)).shape == (5, 20, 30, 3)
    out = np.zeros((2, *ds.videos[0].shape[1:]), np.uint8)
    ds.videos[0, [3, 1]].numpy(out=out)
    assert [read_code(one) for one in out] == [clip.codes[3], clip.codes[1]]
    assert [read_code(one) for one in ds.videos[0].frames()] == clip.codes.tolist()
    (tmp_path / "bad.mp4").write_bytes(clip.path.read_bytes()[:2000])
    with pytest.raises(DamagedMediaError, match=r"bad\.mp4"):
        ds.videos.append(reelbase.read(tmp_path / "bad.mp4"))
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile clip.mp4\n")
    with pytest.raises(UnknownFormatError):
        ds.videos.append(reelbase.read(tmp_path / "list.mp4"))
    assert len(ds) == 1


def test_pictures(tmp_path: Path) -> None:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("images", htype="image", sample_compression="png")
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    ds.images.append(reelbase.encode(picture))
    np.testing.assert_array_equal(ds.images[0].numpy(), picture)


def test_none_stays(tmp_path: Path, clip: Clip) -> None:
    """Workers that nobody needs any more end."""
    codec = isolate(containers.Mp4)("mp4")
    before = set(_all_workers())
    ingest(codec, clip, lambda _: None)
    mine = set(_all_workers()) - before
    assert mine
    del codec
    assert not mine & set(_all_workers())

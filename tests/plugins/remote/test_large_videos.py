"""A video of 200 MB from afar, and memory that stays bounded: measured in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloud_servers import Seaweed
from nginx import nginx

import reelbase

FRAMES = 90
LARGEST_FILE = 70 << 20  # bytes that any one file may have: the spool, and no more
MB = 1_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mp4 of one picture of noise again and again, each time whole."""
    import av

    path = tmp_path_factory.mktemp("large") / "large.mp4"
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuvj444p"
        stream.codec_context.qmin = stream.codec_context.qmax = 1
        stream.codec_context.time_base = Fraction(1, 25)
        [first] = stream.encode(av.VideoFrame.from_ndarray(noise))
        for number in range(FRAMES):
            packet = av.Packet(bytes(first))
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 25), True
            packet.pts = packet.dts = number
            file.mux(packet)
    assert path.stat().st_size > 200 * MB
    return path


@pytest.fixture(scope="module")
def how(seaweed: Seaweed) -> dict[str, Any]:
    seaweed.make_bucket("memory")
    return {"options": seaweed.options(), "creds": seaweed.OWNER}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, large: Path) -> Iterator[str]:
    home = tmp_path_factory.mktemp("web")
    with nginx(home) as url:
        (home / "www" / "large.mp4").symlink_to(large)
        yield f"{url}/large.mp4"


def grown(work: Callable[..., Any], *args: Any) -> int:
    """Bytes by which a process grows at most over that work, once it has done a little of it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return int(pool.apply(_measured, (work, args)))


def _measured(work: Callable[..., Iterator[None]], args: tuple[Any, ...]) -> int:
    steps = work(*args)
    next(steps)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on (proc(5))
    for _ in steps:
        pass
    return _memory("VmHWM") - before


def _memory(name: str) -> int:
    """A line of ``/proc/self/status``, in bytes. (What `getrusage` says outlives exec: it may be the parent's peak.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(kilobytes) * 1024


def _ingest(url: str, target: str, how: dict[str, Any]) -> Iterator[None]:
    os.environ["REELBASE_CACHE_BYTES"] = "16MB"
    ds = reelbase.empty(target, **how)
    ds.create_tensor("videos", htype="video")
    small = np.zeros((2, 64, 64, 3), np.uint8)
    ds.videos.append(small)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    ds.videos.append(reelbase.read(url, check="none"))
    yield


def _frames(target: str, how: dict[str, Any]) -> Iterator[None]:
    os.environ["REELBASE_CACHE_BYTES"] = "16MB"
    ds = reelbase.load(target, read_only=True, **how)
    count = 0
    for count, frame in enumerate(ds.videos[1].frames(), 1):
        assert frame.shape == (720, 1280, 3)
        if count == 2:
            yield
    assert count == FRAMES


def _one_by_one(target: str, how: dict[str, Any]) -> Iterator[None]:
    os.environ["REELBASE_CACHE_BYTES"] = "16MB"
    ds = reelbase.load(target, read_only=True, **how)
    for number in range(FRAMES):
        assert ds.videos[1, number].numpy().shape == (720, 1280, 3)
        if number == 2:
            yield


def test_a_large_video(
    how: dict[str, Any], web: str, large: Path, record_property: Callable[[str, object], None]
) -> None:
    """From a web server into a bucket, with no file larger than the spool; then read from there in two ways."""
    target = "s3://memory/ds"
    found = {
        "ingest": grown(_ingest, web, target, how),
        "frames()": grown(_frames, target, how),
        "one by one": grown(_one_by_one, target, how),
    }
    for name, size in found.items():
        record_property(f"MB grown: {name}", size // MB)
    assert reelbase.load(target, **how).videos[1].sample_info["shape"] == [FRAMES, 720, 1280, 3]
    assert max(found["frames()"], found["one by one"]) < 60 * MB, found
    assert found["ingest"] < 160 * MB, found

"""In a real browser: the pixels, the number that is shown, and what is annotated are those of one frame."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.testing.clips import Clip, make_clip
from shared_corpus import shared_corpus

from .conftest import Window

CORPUS = shared_corpus()
Record = Callable[[str, object], None]
BACKENDS = {"packets": "WebCodecs", "proxy": "proxy", "pictures": "server frames"}
NATIVE = [
    "h264-b.mp4", "h264-b.mkv", "h264-b.ts", "h264-b-fragmented.mp4", "h264-open-gop.mp4", "h264-open-gop.ts",
    "h264-444.mp4", "h264-one-gop.mp4", "h264-one-frame.mp4",
    "vp8.webm", "vp8-hidden.webm", "vp9.webm", "vp9.mp4",
    "av1.mp4", "av1.webm", "vfr.mp4", "vfr.mkv", "offset.mp4", "offset.mkv", "edit-middle.mp4", "edit-two-b.mp4",
    "turned-90.mp4", "turned-180.mp4", "turned-mirrored.mp4", "turned-transversed.mp4",
    "turned-90-odd.mp4", "sound.mp4",
    "turned-270.mkv", "h264-intra-refresh.mp4", "joined-mid-gop.ts",
]  # fmt: skip
OTHERS = [
    "hevc-b.mp4", "hevc-open-gop.ts", "mpeg4-b.avi", "h264-fields.ts", "mpeg2-b.mpg",
    "mpeg4-packed.avi", "prores-odd.mov", "mjpeg.avi", "gif.gif",
]  # fmt: skip


def dataset(clip: Clip, name: str) -> Any:
    """The clip, with a label for each frame that says which one it is."""
    count = len(clip.codes)
    ds = reelbase.empty(f"mem://page-{name}", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("names", htype="sequence[class_label]", class_names=[f"n{k}" for k in range(count)])
    ds.create_tensor("boxes", htype="sequence[bbox]")
    boxes = [[[k, 2, 20, 10]] for k in range(count)]
    ds.append({"videos": reelbase.read(clip.path), "names": [[k] for k in range(count)], "boxes": boxes})
    return ds


def check(window: Window, clip: Clip, frame: int) -> None:
    seen = window.at(frame)
    assert seen.frame == frame
    assert seen.code == clip.codes[frame], f"frame {frame} by {window.backend}"
    assert seen.boxes.split()[0] == f"n{frame}"
    assert f"{frame}, 2, 20, 10" in seen.boxes
    assert window.text("#frame").startswith(f"{frame} /")


def walk(window: Window, clip: Clip, seed: int) -> int:
    """Forward, back, and to places; returns the number of frames looked at."""
    count, at, looked = len(clip.codes), 0, 1
    window.press("b")  # boxes lie over the code
    check(window, clip, 0)
    random.seed(seed)
    moves = ["ArrowRight"] * 6 + ["ArrowLeft"] * 3 + ["End"] + ["ArrowLeft"] * 4 + ["Home", "Shift+ArrowRight", "."]
    for move in moves:
        window.press(move)
        by = {"ArrowRight": 1, ".": 1, "ArrowLeft": -1, "End": count, "Home": -count, "Shift+ArrowRight": 10}[move]
        at = min(count - 1, max(0, at + by))
        check(window, clip, at)
        looked += 1
    for at in random.sample(range(count), min(8, count)):
        window.page.eval_on_selector(
            "#seek", "(slider, n) => { slider.value = n; slider.dispatchEvent(new Event('input')); }", at
        )
        check(window, clip, at)
        looked += 1
    return looked


@pytest.mark.parametrize("name", NATIVE)
def test_stored_packets(
    name: str, tmp_path: Path, window: Window, serve: Callable[..., str], record_property: Record
) -> None:
    clip = CORPUS[name](tmp_path / name)
    window.open(serve(dataset(clip, name)))
    record_property("frames in Chromium: stored packets", walk(window, clip, 1))
    assert window.backend == "WebCodecs"


@pytest.mark.parametrize("name", OTHERS)
def test_what_the_browser_lacks(
    name: str, tmp_path: Path, window: Window, serve: Callable[..., str], record_property: Record
) -> None:
    clip = CORPUS[name](tmp_path / name)
    window.open(serve(dataset(clip, name)))
    record_property("frames in Chromium: proxy", walk(window, clip, 2))
    assert window.backend == "proxy"


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends(
    backend: str, tmp_path: Path, window: Window, serve: Callable[..., str], record_property: Record
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=80, gop=30, bframes=3)
    window.open(serve(dataset(clip, backend)), backend=backend)
    record_property("frames in Chromium: three ways", walk(window, clip, 3))
    assert window.backend == BACKENDS[backend]


def test_playing(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=120, gop=40, bframes=2)
    window.open(serve(dataset(clip, "play")))
    window.press("b")
    window.press(" ")
    seen = [window.look() for _ in range(25)]
    window.at(119)
    assert all(one.code == clip.codes[one.frame] for one in seen)
    assert all(one.boxes.split()[0] == f"n{one.frame}" for one in seen)
    assert len({one.frame for one in seen}) > 5
    assert window.page.get_attribute("#play", "aria-label") == "Play"


def test_a_box_lies_where_it_is_said_to(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=20, size=(96, 128))
    ds = reelbase.empty("mem://page-box", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "fractional", "mode": "CCWH"})
    boxes = np.array([[[0.5, 0.5, 0.25, 0.5]]] * 20, np.float32)
    ds.append({"videos": reelbase.read(clip.path), "boxes": boxes})
    window.open(serve(ds))
    with_box = window.at(0).pixels.astype(int)
    window.press("b")
    window.page.wait_for_selector("#layers[aria-pressed='false']")
    window.press("ArrowRight")
    window.press("ArrowLeft")
    without = window.at(0).pixels.astype(int)
    rows, columns = np.nonzero(np.abs(with_box - without).max(-1) > 30)
    assert (columns.min(), columns.max()) == pytest.approx((48, 80), abs=2)
    assert (rows.min(), rows.max()) == pytest.approx((24, 72), abs=2)


def test_one_video_by_itself(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=40)
    window.open(serve(reelbase.read(clip.path)[12:20]))
    assert window.at(12).code == clip.codes[12]
    assert "clip.mp4" in window.text("#title")

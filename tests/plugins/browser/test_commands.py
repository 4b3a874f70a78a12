"""The viewer from the command line, and boxes drawn into exports."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.cli import main
from reelbase.testing.clips import Clip, make_clip


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return make_clip(tmp_path / "clip.mp4", frames=20, gop=5, size=(96, 128))


@pytest.fixture
def dataset(clip: Clip, tmp_path: Path) -> str:
    ds = reelbase.empty(str(tmp_path / "ds"))
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.create_tensor("halves", htype="sequence[bbox]", coords={"type": "fractional", "mode": "CCWH"})
    ds.create_tensor("labels", htype="class_label", class_names=["cat"])
    pixels = np.array([[[k, 20, 40, 30]] for k in range(20)], np.float32)
    halves = np.tile(np.float32([0.5, 0.5, 0.5, 0.5]), (20, 1, 1))
    ds.append({"videos": reelbase.read(clip.path), "boxes": pixels, "halves": halves, "labels": [0]})
    return ds.path


@contextmanager
def interruptible(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that hears SIGINT, also where whoever runs the tests was told not to; it ends with the block."""
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, preexec_fn=hears, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("what", ["file", "row", "dataset", "filtered"])
def test_serving_until_the_user_ends_it(what: str, clip: Clip, dataset: str) -> None:
    words = {
        "file": ["play", str(clip.path)],
        "row": ["play", dataset, "videos", "0"],
        "dataset": ["view", dataset],
        "filtered": ["view", dataset, "--where", "labels == 'cat'"],
    }[what]
    command = [sys.executable, "-m", "reelbase", *words, "--no-browser", "--json"]
    with interruptible(command) as process:
        assert process.stdout is not None
        url = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["url"]
        with urllib.request.urlopen(f"{url}data/about") as reply:
            about = json.loads(reply.read())
        assert about["rows"] == 1
        assert about["where"] == (words[-1] if what == "filtered" else "")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["play", "nowhere.mp4"], "nowhere.mp4"),
        (["play", "{ds}", "videos", "9"], "9"),
        (["play", "{ds}", "videos", "x"], "does not name a video"),
        (["play", "{ds}", "labels", "0"], "labels"),
        (["view", "{ds}", "--where", "labels ="], "labels ="),
        (["frames", "{ds}", "videos", "0", "0:3", "--boxes", "labels", "-o", "x.png"], "labels"),
        (["frames", "{ds}", "videos", "0", "0:3", "--boxes", "none", "-o", "x.png"], "none"),
        (["frames", "{file}", "0:3", "--boxes", "boxes", "-o", "x.png"], "--boxes"),
    ],
)
def test_what_cannot_be_shown(
    words: list[str], said: str, clip: Clip, dataset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([one.format(ds=dataset, file=clip.path) for one in words]) in (1, 2)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("tensor", "left", "top"), [("boxes", 7, 20), ("halves", 32, 24)])
def test_boxes_in_pictures(tensor: str, left: int, top: int, dataset: str, tmp_path: Path) -> None:
    plain, drawn = tmp_path / "plain", tmp_path / "drawn"
    assert main(["frames", dataset, "videos", "0", "5:9", "-o", f"{plain}/"]) == 0
    assert main(["frames", dataset, "videos", "0", "5:9", "--boxes", tensor, "-o", f"{drawn}/"]) == 0
    for place, (before, after) in enumerate(zip(sorted(plain.iterdir()), sorted(drawn.iterdir()), strict=True)):
        pictures = [reelbase.read(one).numpy().reshape(96, 128, 3).astype(int) for one in (before, after)]
        rows, columns = np.nonzero(np.abs(pictures[0] - pictures[1]).max(-1) > 30)
        moved = place - 2 if tensor == "boxes" else 0  # frame 7 is the third
        assert columns.min() == pytest.approx(left + moved, abs=2)
        assert rows.min() == pytest.approx(top, abs=2)


def test_boxes_in_a_scaled_clip(dataset: str, tmp_path: Path) -> None:
    plain, drawn = tmp_path / "plain.mp4", tmp_path / "drawn.mp4"
    for output, more in ((plain, []), (drawn, ["--boxes", "halves"])):
        assert main(["frames", dataset, "videos", "0", "0:10", "--size", "256x192", *more, "-o", str(output)]) == 0
    before, after = (reelbase.read(one).numpy().astype(int) for one in (plain, drawn))
    assert before.shape == after.shape == (10, 192, 256, 3)
    rows, columns = np.nonzero(np.abs(before[4] - after[4]).max(-1) > 60)
    assert (rows.min(), rows.max()) == pytest.approx((48, 144), abs=5)
    assert (columns.min(), columns.max()) == pytest.approx((64, 192), abs=5)

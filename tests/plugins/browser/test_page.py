"""What a user does with the page: choose rows, filter, read what belongs to a frame, hear the sound."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.testing.clips import make_clip, read_code

from .conftest import Window, pixels_of

FRAMES = 20
PIXELS = """picture => {
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(picture, 0, 0);
  let text = "";
  for (const byte of context.getImageData(0, 0, width, height).data) text += String.fromCharCode(byte);
  return [width, height, btoa(text)];
}"""


def rows(tmp_path: Path, count: int, **options: Any) -> Any:
    """Row k's video counts on from 100 k; every second row is a cat's."""
    ds = reelbase.empty(f"mem://{tmp_path.name}", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
    ds.create_tensor("boxes", htype="sequence[bbox]")
    for k in range(count):
        clip = make_clip(tmp_path / f"{k}.mp4", frames=FRAMES, gop=5, first=100 * k, **options)
        boxes = np.tile(np.float32([k, 2, 20, 10]), (FRAMES, 1 + k, 1))
        ds.append({"videos": reelbase.read(clip.path), "labels": [k % 2], "boxes": boxes})
    return ds


def shown_row(window: Window, row: int, frame: int = 0) -> None:
    window.page.wait_for_selector(f"[aria-current='true'][title^='Row {row}']")
    window.ready()
    assert window.at(frame).code == 100 * row + frame


def wait(window: Window, selector: str, so: str) -> None:
    """Until something holds of the elements. Playwright's own way is eval in the page, which forbids it."""
    until = time.monotonic() + 30
    while not window.page.eval_on_selector_all(selector, so):
        assert time.monotonic() < until, so
        window.page.wait_for_timeout(50)


def filtered(window: Window, where: str) -> list[str]:
    window.press("/")
    window.page.fill("#where", where)
    window.press("Enter")
    wait(window, ".viewer", f"all => all[0].dataset.where === {json.dumps(where)}")
    return [tile.inner_text().split()[0] for tile in window.page.query_selector_all(".tile")]


def test_rows_and_filter(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    window.open(serve(rows(tmp_path, 5)))
    window.press("b")
    shown_row(window, 0)
    assert window.text("#count") == "5 of 5 rows"
    window.press("j")
    shown_row(window, 1)
    assert filtered(window, "labels == 'cat' and count(boxes[0]) > 1") == ["2", "4"]
    assert filtered(window, "labels == 'cat' and count(boxes) > 30") == ["2", "4"]
    shown_row(window, 2)  # row 1 is not among them
    assert window.text("#count") == "2 of 5 rows"
    window.press("ArrowRight")
    shown_row(window, 2, 1)
    window.press("j")
    shown_row(window, 4)
    window.press("j")
    shown_row(window, 4)
    window.press("k")
    shown_row(window, 2)
    assert filtered(window, "labels == 'dog' and row > 3") == []
    assert window.text("#count") == "0 of 5 rows"
    assert filtered(window, "labels == 'bog'") == []
    assert window.text("#message") == "'bog' is not a class of labels. Did you mean 'dog'?"
    assert window.text("#count") == "0 of 5 rows"
    window.problems = [one for one in window.problems if "400 (Bad Request)" not in one]
    assert filtered(window, "") == ["0", "1", "2", "3", "4"]
    window.page.click(".tile[title^='Row 3']")
    shown_row(window, 3)
    assert "dog" in window.text("#facts")


def test_a_filter_of_the_caller(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    ds = rows(tmp_path, 3)
    window.open(serve(ds, "labels == 'dog'"))
    window.press("b")
    shown_row(window, 1)
    assert window.page.input_value("#where") == "labels == 'dog'"
    with pytest.raises(reelbase.errors.FilterError):
        ds.visualize("labels ==", open_browser=False)


def test_the_address_keeps_what_is_shown(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    window.open(serve(rows(tmp_path, 3)), row=2, frame=7)
    window.press("b")
    window.press("ArrowRight")
    window.at(8)
    wait(window, ".viewer", "all => location.hash === '#row=2&frame=8'")
    window.page.reload()
    window.ready()
    window.press("b")
    shown_row(window, 2, 8)


def test_small_pictures_are_the_first_frames(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    window.open(serve(rows(tmp_path, 4)))
    wait(window, ".tile img", "all => all.length === 4 && all.every((one) => one.complete && one.naturalWidth)")
    pictures = [one.evaluate(PIXELS) for one in window.page.query_selector_all(".tile img")]
    assert [read_code(pixels_of(*one)) for one in pictures] == [0, 100, 200, 300]


def test_lengths_that_differ_are_said(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    ds = rows(tmp_path, 1)
    ds.append({"videos": ds.videos[0].as_sample(), "labels": [0], "boxes": np.zeros((FRAMES - 3, 1, 4), np.float32)})
    window.open(serve(ds))
    assert not window.page.is_visible("#message")
    window.press("j")
    window.page.wait_for_selector("#message:not([hidden])")
    assert window.text("#message") == "The video has 20 frames, but boxes has 17 items."
    window.press("End")
    assert "boxes" not in window.at(FRAMES - 1).boxes


def test_versions_and_metadata(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    ds = rows(tmp_path, 1)
    ds.info["source"] = "a camera at the gate"
    ds.commit("first labels")
    window.open(serve(ds))
    window.page.wait_for_selector("#versions li")
    assert "first labels" in window.text("#versions")
    assert "a camera at the gate" in window.text("#info")
    assert window.text("#version").startswith("main@")


def test_values_of_each_frame(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    ds = rows(tmp_path, 1)
    ds.create_tensor("speed", htype="sequence[generic]", dtype="float32")
    ds.create_tensor("said", htype="sequence[text]")
    ds.speed.append(np.linspace(0, 1, FRAMES, dtype=np.float32))
    ds.said.append([f"word {k}" for k in range(FRAMES)])
    window.open(serve(ds))
    window.press("ArrowRight")
    assert "word 1" in window.at(1).boxes
    box = window.page.locator("#timeline").bounding_box()
    assert box is not None
    assert box["height"] > 30  # ticks and a lane
    window.page.mouse.click(box["x"] + box["width"] * 0.525, box["y"] + 20)
    assert window.at(10).frame == 10
    assert "word 10" in window.text("#boxes")


def test_sound(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    window.open(serve(rows(tmp_path, 1)))
    window.press("ArrowRight")
    window.at(1)
    window.page.click("#sound")
    assert window.backend == "native (approximate)"
    window.page.wait_for_selector("#native:not([hidden])")
    window.page.eval_on_selector("#native", "player => player.play()")
    wait(window, "#native", "all => all[0].currentTime > 0.1")
    window.page.click("#sound")
    assert window.backend == "WebCodecs"
    assert window.page.is_visible("#stage")


def test_help_and_what_a_screen_reader_is_told(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    window.open(serve(rows(tmp_path, 1)))
    window.press("?")
    window.page.wait_for_selector("#help[open]")
    window.press("Escape")
    window.page.wait_for_selector("#help:not([open])", state="attached")
    unnamed = window.page.query_selector_all("button:not([aria-label]):not([title])")
    assert all(one.inner_text().strip() or not one.is_visible() for one in unnamed)
    assert window.page.get_attribute("#seek", "aria-valuetext") == "frame 0 of 20"


def test_nothing_to_show(window: Window, serve: Callable[..., str]) -> None:
    ds = reelbase.empty("mem://page-nothing", overwrite=True)
    window.page.goto(serve(ds))
    window.page.wait_for_selector("#message:not([hidden])")
    assert window.text("#message") == "The dataset has no rows."
    ds.create_tensor("notes", htype="text")
    ds.notes.append("no video at all")
    window.page.goto(serve(ds))
    window.page.wait_for_selector("#message:not([hidden])")
    assert window.text("#message") == "Row 0 has no video."
    assert "no video at all" in window.text("#facts")


def test_a_damaged_video_is_said(tmp_path: Path, window: Window, serve: Callable[..., str]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=40, gop=10)
    data = bytearray(clip.path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start + 40 : start + 4000] = bytes(3960)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    window.page.goto(serve(reelbase.read(broken, check="none")))
    window.page.wait_for_selector("#message:not([hidden])", timeout=30_000)
    assert window.text("#message")
    window.problems = []


def test_many_rows(window: Window, serve: Callable[..., str]) -> None:
    """Only what is in sight is in the page, and asked for."""
    ds = reelbase.empty("mem://page-many", overwrite=True)
    ds.create_tensor("labels", htype="class_label", class_names=["a", "b", "c"])
    ds.labels.extend([[k % 3] for k in range(3000)])
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.page.goto(serve(ds))
    window.page.wait_for_selector(".tile")
    assert len(window.page.query_selector_all(".tile")) < 60
    assert len([one for one in asked if "/rows?" in one]) < 4
    down = (
        "all => { all[0].scrollTop = all[0].scrollHeight; return all[0].querySelector(`[title^='Row 2999']`) !== null }"
    )
    wait(window, "#grid", down)
    assert len(window.page.query_selector_all(".tile")) < 60
    assert filtered(window, "labels == 'b' and row > 2990") == ["2992", "2995", "2998"]

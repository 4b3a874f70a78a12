"""A real Chromium for all tests of the page, without a window and without a network."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from reelbase.testing.clips import read_code

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
_PIXELS = """canvas => {
  const {data, width, height} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return [canvas.dataset.frame, width, height, btoa(text), canvas.getRootNode().getElementById("boxes").innerText];
}"""


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


def pixels_of(width: int, height: int, data: str) -> np.ndarray:
    """Uint8 ``(H, W, 3)`` of what a canvas gave in base64."""
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., :3]


@dataclass
class Looked:
    """What stood on the page at one moment."""

    frame: int
    pixels: np.ndarray
    boxes: str

    @property
    def code(self) -> int:
        return read_code(self.pixels)


class Window:
    """The page, as a user has it before them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)

    def open(self, url: str, **hash_: object) -> Window:
        self.page.goto(f"{url}#{'&'.join(f'{name}={value}' for name, value in hash_.items())}")
        self.ready()
        return self

    def ready(self, timeout: float = 20_000) -> None:
        self.page.wait_for_selector(".viewer[data-ready='1']", timeout=timeout)

    def at(self, frame: int) -> Looked:
        self.page.wait_for_selector(f"#stage[data-frame='{frame}']", timeout=20_000)
        return self.look()

    def look(self) -> Looked:
        frame, width, height, data, boxes = self.page.eval_on_selector("#stage", _PIXELS)
        return Looked(int(frame), pixels_of(width, height, data), boxes)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    @property
    def backend(self) -> str:
        return self.page.get_attribute(".viewer", "data-backend") or ""

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


@pytest.fixture
def window(chromium: Browser, serve: Callable[..., str]) -> Iterator[Window]:
    """Closed before what `serve` serves, since requests of the page would fail then."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    made = Window(context.new_page())
    yield made
    context.close()
    assert not made.problems


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Callable[[Any], str]:
    """Show something, and close it after the test."""

    def show(what: Any, *args: Any) -> str:
        shown = (what.visualize if hasattr(what, "visualize") else what.play)(*args, open_browser=False)
        request.addfinalizer(shown.close)
        return shown.url

    return show

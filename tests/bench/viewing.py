"""What the viewer reads from S3 while someone looks, in requests, bytes and time. See README.md."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright
from remote import BUCKET, FRAMES, RATE, VIDEOS, Counting, fill
from report import machine, table

import reelbase
from reelbase.testing.clips import make_clip

ROOT: Final = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "plugins")]
from browser.conftest import ARGUMENTS, CHROMIUM  # noqa: E402
from cloud_servers import Seaweed  # noqa: E402

PLAYED: Final = 10.0  # seconds


class Meter:
    """What has passed since it was last asked."""

    def __init__(self, proxy: Counting) -> None:
        self._proxy = proxy
        self._before = (0, 0, time.perf_counter())
        self.took()

    def took(self) -> list[object]:
        """Requests, megabytes, and seconds."""
        now = (self._proxy.requests, self._proxy.bytes, time.perf_counter())
        requests, size, seconds = (b - a for a, b in zip(self._before, now, strict=True))
        self._before = now
        return [requests, f"{size / 1e6:.2f}", f"{seconds:.2f}"]


def at(page: Page, frame: int) -> None:
    """Wait for a frame."""
    page.wait_for_selector(f"#stage[data-frame='{frame}']", timeout=60_000)


def seek(page: Page, frame: int) -> None:
    """As who drags the slider."""
    script = "(slider, n) => { slider.value = n; slider.dispatchEvent(new Event('input')); }"
    page.eval_on_selector("#seek", script, frame)
    at(page, frame)


def loaded(page: Page) -> None:
    """Wait for the small pictures that are in sight."""
    while page.eval_on_selector_all(".tile img", "all => all.some((one) => !one.complete)"):
        page.wait_for_timeout(20)
    page.wait_for_timeout(300)


def scroll(page: Page) -> None:
    """One page of the grid on."""
    page.eval_on_selector("#grid", "box => { box.scrollTop += box.clientHeight }")
    page.wait_for_timeout(100)
    loaded(page)


def play(page: Page) -> None:
    """From the beginning."""
    seek(page, 0)
    page.keyboard.press(" ")
    page.wait_for_timeout(PLAYED * 1000)
    page.keyboard.press(" ")


def measured(proxy: Counting, page: Page, dataset: Any) -> list[list[object]]:
    """A row for each thing that is done."""
    meter = Meter(proxy)
    with dataset.visualize(open_browser=False) as shown:
        rows = [["`ds.visualize()` itself", *meter.took()]]
        page.goto(shown.url)
        at(page, 0)
        loaded(page)
        rows.append(["the page: 12 small pictures, the first frame", *meter.took()])
        acts: dict[str, Callable[[], object]] = {
            "a page of the grid on": lambda: scroll(page),
            "another row, first frame": lambda: (page.keyboard.press("j"), at(page, 0)),
            "one seek, to frame 200": lambda: seek(page, 200),
            "one frame on": lambda: (page.keyboard.press("ArrowRight"), at(page, 201)),
            "ten frames back": lambda: (page.keyboard.press("Shift+ArrowLeft"), at(page, 191)),
            f"{PLAYED:.0f} s of play": lambda: play(page),
        }
        for name, act in acts.items():
            act()
            rows.append([name, *meter.took()])
        told = page.inner_text("#frame")
        played = int(re.findall(r"\d+", told)[0])
        rows[-1][0] = f"{rows[-1][0]} ({played} of {FRAMES} frames)"
    return rows


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (home / "server").mkdir()
        server = stack.enter_context(Seaweed(home / "server"))
        clip = make_clip(home / "clip.mp4", frames=FRAMES, size=(360, 640), gop=60, bframes=2, options=RATE)
        fill(server, clip, None)
        proxy = Counting(server.url)
        url = stack.enter_context(proxy.serving())
        options = {**server.options(), "endpoint_url": url}
        dataset = reelbase.load(f"s3://{BUCKET}/ours", options=options, creds=server.OWNER)
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        size = clip.path.stat().st_size / 1e6
        print(f"{machine()}; {VIDEOS} videos of {FRAMES} frames, 640 x 360, H.264, GOP 60, {size:.1f} MB each\n")
        print(table(["", "requests", "MB", "seconds"], measured(proxy, page, dataset)))
        browser.close()


if __name__ == "__main__":
    main()

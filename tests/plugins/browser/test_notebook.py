"""The same page as a widget, in the real JupyterLab and Notebook 7, under a path as behind a proxy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from reelbase.testing.clips import Clip, make_clip

from .conftest import Window

FRAMES = 60
APPS = {"jupyterlab": "lab/tree", "notebook": "notebooks"}
CODE = [
    "import reelbase; shown = reelbase.read({path!r}).play()",
    "ds = reelbase.load({dataset!r}); shown = ds.visualize()",
    "ds",
]


class Jupyter:
    """A server with one notebook, and what it was started in."""

    def __init__(self, app: str, home: Path) -> None:
        self.app = app
        folders = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        settings = {
            "ServerApp.ip": "127.0.0.1", "ServerApp.port": "0", "ServerApp.base_url": "/user/someone/",
            "ServerApp.root_dir": str(home / "work"), "IdentityProvider.token": "word",
            "LabApp.news_url": "", "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        }  # fmt: skip
        command = [sys.executable, "-m", app, "--no-browser", "--allow-root"]
        self.log = home / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *(f"--{name}={value}" for name, value in settings.items())],
                env={**os.environ, **folders, "HOME": str(home), "IPYTHONDIR": str(home / "ipython")},
                stderr=log,
            )
        self.url = f"{self._address()}{APPS[app]}/n.ipynb?token=word"

    def _address(self) -> str:
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:\d+/user/someone/", self.log.read_text()):
                return found[0]
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Callable[[str, list[str]], Jupyter]]:
    begun: list[Jupyter] = []

    def begin(app: str, code: list[str]) -> Jupyter:
        cells = [
            {"cell_type": "code", "execution_count": None, "id": f"c{k}", "metadata": {}, "outputs": [], "source": one}
            for k, one in enumerate(code)
        ]
        kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        book = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (tmp_path / "work").mkdir()
        (tmp_path / "work" / "n.ipynb").write_text(json.dumps(book))
        begun.append(Jupyter(app, tmp_path))
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


def dataset(clip: Clip, path: Path) -> str:
    import reelbase

    with reelbase.empty(str(path)) as ds:
        ds.create_tensor("videos", htype="video")
        ds.create_tensor("names", htype="sequence[class_label]", class_names=[f"n{k}" for k in range(FRAMES)])
        ds.create_tensor("boxes", htype="sequence[bbox]")
        for _ in range(3):
            row = {"names": [[k] for k in range(FRAMES)], "boxes": [[[k, 2, 20, 10]] for k in range(FRAMES)]}
            ds.append({"videos": reelbase.read(clip.path), **row})
    return str(path)


def run(window: Window, cell: int) -> None:
    """Run a cell; a kernel that still starts takes no notice, so again until it does."""
    code = window.page.locator(f".jp-Notebook .jp-CodeCell >> nth={cell}")
    code.locator(".cm-content").click()
    for _ in range(60):
        if code.locator(".jp-InputPrompt").inner_text() != "[ ]:":
            return
        window.press("Control+Enter")
        window.page.wait_for_timeout(500)
    raise AssertionError("the kernel does not run")


@pytest.mark.parametrize("app", APPS)
def test_in_a_notebook(
    app: str, chromium: Browser, jupyter: Callable[[str, list[str]], Jupyter], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=FRAMES, gop=20, bframes=2)
    places = {"path": str(clip.path), "dataset": dataset(clip, tmp_path / "ds")}
    server = jupyter(app, [one.format(**places) for one in CODE])
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    window = Window(context.new_page())
    window.page.goto(server.url)
    window.page.wait_for_selector(".jp-Notebook .cm-content", timeout=60_000)
    run(window, 0)
    window.ready(60_000)
    assert window.at(0).code == clip.codes[0]
    window.page.focus(".viewer")
    for frame in (1, 2, 3):
        window.press("ArrowRight")
        assert window.at(frame).code == clip.codes[frame]
    window.press("End")
    assert window.at(FRAMES - 1).code == clip.codes[-1]
    assert window.backend == "WebCodecs"
    assert not window.page.is_visible("#sound")

    run(window, 1)
    second = window.page.locator(".viewer >> nth=1")
    second.locator("#stage[data-frame='0']").wait_for(timeout=60_000)
    second.focus()
    window.press("b")
    window.press("ArrowRight")
    second.locator("#stage[data-frame='1']").wait_for()
    assert second.locator("#boxes").inner_text().split()[0] == "n1"

    run(window, 2)
    window.page.wait_for_selector(".jp-RenderedHTML table", timeout=60_000)
    assert window.page.locator(".jp-RenderedHTML img").count() == 3
    context.close()

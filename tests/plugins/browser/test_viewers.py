"""Both viewers keep the contract; a screen that is not there is said."""

from __future__ import annotations

import sys

import pytest

import reelbase
from reelbase.errors import MissingDependencyError
from reelbase.plugin import Viewer
from reelbase.testing import ViewerTests
from reelbase.testing.clips import Clip, make_clip
from reelbase_plugins.browser.viewer import Browser
from reelbase_plugins.browser.widget import Notebook


class TestBrowser(ViewerTests):
    @pytest.fixture
    def viewer(self) -> Viewer:
        return Browser()


class TestNotebook(ViewerTests):
    @pytest.fixture
    def viewer(self) -> Viewer:
        return Notebook()


@pytest.fixture
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=10)


def test_without_a_screen(clip: Clip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    with reelbase.read(clip.path).play() as shown:
        said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"No browser could be opened here. Open {shown.url} yourself.\n"


def test_with_a_screen(clip: Clip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":9")
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    with reelbase.read(clip.path).play() as shown:
        assert opened == [shown.url]
    assert capsys.readouterr().err == ""


def test_a_notebook_without_the_widget(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelbase.viewing.data_source._in_notebook", lambda: True)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingDependencyError, match=r"reelbase\[notebook\]"):
        reelbase.read(clip.path).play()
    with reelbase.read(clip.path).play(open_browser=False) as shown:
        assert shown.url.startswith("http://127.0.0.1:")


def test_what_is_no_video(clip: Clip) -> None:
    ds = reelbase.empty("mem://no-video", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("labels", htype="class_label", class_names=["a"])
    ds.append({"videos": reelbase.read(clip.path), "labels": [0]})
    with pytest.raises(reelbase.errors.ReelbaseError, match="labels"):
        ds.labels[0].play(open_browser=False)
    with pytest.raises(reelbase.errors.UsageError, match="rows are selected"):
        ds.videos[:].play(open_browser=False)
    ds.videos.append(None)
    with pytest.raises(reelbase.errors.MissingSampleError):
        ds.videos[1].play(open_browser=False)

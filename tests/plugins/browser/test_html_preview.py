"""What notebooks show of values: small, without scripts, quick, and nothing read from far away."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.testing.clips import Clip, make_clip, read_code

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return make_clip(tmp_path / "clip.mp4", frames=60, gop=20, options={"x264-params": "scenecut=0"})


def pictures(html: str) -> list[int]:
    """What the pictures in it spell."""
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [read_code(_decoded(base64.b64decode(one))) for one in found]


def _decoded(jpeg: bytes) -> np.ndarray:
    import av

    with av.open(io.BytesIO(jpeg)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


def test_a_video(clip: Clip) -> None:
    html = reelbase.read(clip.path)[13:20]._repr_html_()
    assert html is not None
    shown = pictures(html)
    assert shown[0] == 13  # where it begins
    assert set(shown[1:]) == {0, 20, 40}
    assert "h264" in html
    assert len(html) < 150_000


def test_a_dataset_and_its_tensors(clip: Clip) -> None:
    ds = reelbase.empty("mem://glance", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("labels", htype="class_label", class_names=[HOSTILE])
    for _ in range(10):
        ds.append({"videos": reelbase.read(clip.path), "labels": [0]})
    for value, name in ((ds, "mem://glance"), (ds.videos, "videos"), (ds.labels, "labels")):
        html = value._repr_html_()
        assert html is not None
        assert name in html
        assert "<script" not in html
        assert len(html) < 150_000
    assert pictures(ds._repr_html_() or "") == [0] * 8
    assert pictures(ds.videos._repr_html_() or "") == [0] * 8
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in (ds._repr_html_() or "")
    assert ds.labels[0]._repr_html_() is None  # its text says all
    assert ds.videos[2:4]._repr_html_() is None
    assert reelbase.empty("mem://glance-nothing", overwrite=True)._repr_html_()


def test_large_pictures_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=10)
    view = reelbase.read(clip.path)
    monkeypatch.setattr("reelbase.viewing.html_repr.MAX_PICTURE_BYTES", 3_000)
    html = view._repr_html_() or ""
    assert 0 < len(pictures(html)) < 3 or len(html) < 4_000


def test_time_is_bounded(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelbase.viewing.html_repr.MAX_SECONDS", 0.0)
    assert len(pictures(reelbase.read(clip.path)._repr_html_() or "")) == 1


def test_nothing_is_read_from_far_away(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    from reelbase.builtin.memory_storage import MemoryStorage

    ds = reelbase.empty("mem://glance-far", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(clip.path))
    monkeypatch.setattr(MemoryStorage, "distant", True)
    read: list[int] = []

    def counted(self: Any, key: str, ranges: Any, *, if_match: Any = None) -> Any:
        read.append(sum(stop - start for start, stop in ranges))
        return get_ranges(self, key, ranges, if_match=if_match)

    get_ranges = MemoryStorage.get_ranges
    monkeypatch.setattr(MemoryStorage, "get_ranges", counted)
    html = reelbase.load("mem://glance-far")._repr_html_() or ""
    assert "videos" in html
    assert pictures(html) == []
    assert sum(read) < clip.path.stat().st_size / 4


def test_what_cannot_be_read_has_its_text(clip: Clip, tmp_path: Path) -> None:
    ds = reelbase.empty(str(tmp_path / "ds"))
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(clip.path))
    for pack in (tmp_path / "ds").rglob("*"):
        if pack.is_file() and pack.stat().st_size > 10_000:
            pack.unlink()
    fresh = reelbase.load(str(tmp_path / "ds"))
    assert fresh._repr_html_() is None
    assert repr(fresh).startswith("Dataset(")

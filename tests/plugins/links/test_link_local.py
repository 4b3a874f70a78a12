"""Local files: only those that the reader allows, whoever made the dataset."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase import api, config
from reelbase.errors import LinkRefusedError
from reelbase.testing.clips import Clip, read_code


@pytest.fixture
def videos(tmp_path: Path, clip: Clip) -> Path:
    """A folder with ``a.mp4``."""
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip.path, folder / "a.mp4")
    return folder


@pytest.fixture
def foreign(ds: reelbase.Dataset, videos: Path, monkeypatch: pytest.MonkeyPatch) -> reelbase.Dataset:
    """A dataset that links to that file, as another process sees it."""
    ds.links.append(reelbase.link(f"file://{videos}/a.mp4"))
    monkeypatch.setattr(api, "_made_here", set())
    return reelbase.load(ds.path)


def test_who_made_the_dataset_may_link(ds: reelbase.Dataset, videos: Path, clip: Clip) -> None:
    ds.links.append(reelbase.link(f"file://{videos}/a.mp4"))
    assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
    assert read_code(reelbase.load(ds.path).links[0, 7].numpy()) == clip.codes[7]
    copied = ds.copy(f"{ds.path}-copy")
    assert read_code(copied.links[0, 7].numpy()) == clip.codes[7]


def test_by_default_nobody_else_may(foreign: reelbase.Dataset, videos: Path) -> None:
    with pytest.raises(LinkRefusedError, match=r"Row 0 of tensor 'links'.*\n.*local_links"):
        foreign.links[0, 7].numpy()
    with pytest.raises(LinkRefusedError, match="local_links"):
        foreign.links.append(reelbase.link(f"file://{videos}/a.mp4"))
    with pytest.raises(LinkRefusedError, match="local_links"):
        foreign.links.append(reelbase.link(f"file://{videos}/a.mp4", verify=False))
    assert foreign.links[0].shape == (60, 96, 128, 3)  # is in the dataset
    assert foreign.links.links.survey().rows("refused") == [0]
    assert len(foreign.links) == 1


def test_nor_may_another_process(ds: reelbase.Dataset, videos: Path) -> None:
    ds.links.append(reelbase.link(f"file://{videos}/a.mp4"))
    code = f"import reelbase; reelbase.load({ds.path!r}).links[0, 3].numpy()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "LinkRefusedError: Row 0 of tensor 'links'" in done.stderr


def test_folders(
    foreign: reelbase.Dataset, videos: Path, configured: Callable[[str], None], clip: Clip, tmp_path: Path
) -> None:
    (tmp_path / "vid").mkdir()
    configured(f'[security]\nlocal_links = ["{tmp_path}/vid"]')  # /vid is not the beginning of /videos
    with pytest.raises(LinkRefusedError, match="is not in"):
        foreign.links[0, 7].numpy()
    configured(f'[security]\nlocal_links = ["/nowhere", "{videos}"]')
    assert read_code(foreign.links[0, 7].numpy()) == clip.codes[7]


def test_the_dataset_s_own_folder(
    foreign: reelbase.Dataset, videos: Path, configured: Callable[[str], None], clip: Clip
) -> None:
    configured('[security]\nlocal_links = "dataset-dir"')
    with pytest.raises(LinkRefusedError, match="is not in"):
        foreign.links[0, 7].numpy()
    shutil.copy(clip.path, Path(foreign.path) / "beside.mp4")
    foreign.links.append(reelbase.link(f"file://{foreign.path}/beside.mp4"))
    assert read_code(foreign.links[1, 7].numpy()) == clip.codes[7]


def test_a_symbolic_link_does_not_lead_out(
    foreign: reelbase.Dataset, videos: Path, configured: Callable[[str], None], clip: Clip, tmp_path: Path
) -> None:
    """Also one that is made after the append."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "out.mp4").symlink_to(videos / "a.mp4")
    configured(f'[security]\nlocal_links = ["{allowed}"]')
    with pytest.raises(LinkRefusedError, match="is not in"):
        foreign.links.append(reelbase.link(f"file://{allowed}/out.mp4"))
    shutil.copy(clip.path, allowed / "in.mp4")
    foreign.links.append(reelbase.link(f"file://{allowed}/in.mp4"))
    assert foreign.links[1, 3].numpy().shape == (96, 128, 3)
    (allowed / "in.mp4").unlink()
    (allowed / "in.mp4").symlink_to(videos / "a.mp4")
    with pytest.raises(reelbase.ReelbaseError):
        foreign.links[1, 3].numpy()
    with pytest.raises(LinkRefusedError, match="is not in"):
        reelbase.load(foreign.path).links[1, 3].numpy()


def test_a_setting_that_changes_is_heeded(
    foreign: reelbase.Dataset, videos: Path, configured: Callable[[str], None]
) -> None:
    """At every read, also of a source that is open."""
    configured(f'[security]\nlocal_links = ["{videos}"]')
    assert isinstance(foreign.links[0, 7].numpy(), np.ndarray)
    configured('[security]\nlocal_links = "deny"')
    with pytest.raises(LinkRefusedError):
        foreign.links[0, 9].numpy()


def test_a_project_may_not_loosen_it(
    tmp_path: Path, foreign: reelbase.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reelbase.toml").write_text('[security]\nlocal_links = ["/"]')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(reelbase.errors.ConfigError, match="only by you"):
        config.load()

"""The wheel as users get it: what is in it, and that it works in a fresh environment with no extras."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def run(*words: object, cwd: Path) -> str:
    """Output of a command that must succeed; nothing of this run's own environment leaks into it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "REELBASE"))}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, _ROOT, cwd=folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment into which the wheel was installed without extras."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=folder)
    return python


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == "reelbase-0.1.0-py3-none-any.whl"
    tracked = {
        path.relative_to(_ROOT / source).as_posix()
        for source in ("core", "plugins")
        for path in (_ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in names(wheel) if ".dist-info/" not in name}
    assert held == tracked
    assert {"reelbase/py.typed", "reelbase_plugins/py.typed"} <= held
    assert {"reelbase/cli/clip/bunny.mp4", "reelbase/cli/clip/groundtruth.txt"} <= held


def test_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = {name.rpartition("/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = HeaderParser().parsestr(archive.read(found["METADATA"]).decode())
        entry_points = archive.read(found["entry_points.txt"]).decode()
    assert {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "LICENSE"} == set(found)
    assert (metadata["Name"], metadata["Version"]) == ("reelbase", "0.1.0")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    plain = [one for one in metadata.get_all("Requires-Dist") if "extra ==" not in one]
    assert sorted(one.partition(">")[0] for one in plain) == ["numpy", "pluggy"]
    assert {"av", "testing", "all", "dev"} <= set(metadata.get_all("Provides-Extra"))
    assert not any("torch" in one for one in metadata.get_all("Requires-Dist"))
    assert "reelbase = reelbase.cli:main" in entry_points
    for plugin in ("annotations", "image", "local", "video"):
        assert f"{plugin} = reelbase_plugins.{plugin}" in entry_points


def test_it_installs_with_numpy_and_pluggy_alone(bare: Path) -> None:
    code = "from importlib.metadata import distributions as d; print(*sorted(one.name.lower() for one in d()))"
    installed = set(run(bare, "-c", code, cwd=bare.parent).split())
    assert installed - {"pip", "setuptools", "wheel"} == {"numpy", "pluggy", "reelbase"}


def test_the_command_runs(bare: Path) -> None:
    assert run(bare.parent / "reelbase", "--version", cwd=bare.parent) == "reelbase 0.1.0\n"
    assert run(bare, "-m", "reelbase", "--version", cwd=bare.parent) == "reelbase 0.1.0\n"
    assert "needs" not in run(bare.parent / "reelbase", "config", cwd=bare.parent)


def test_it_imports_light(bare: Path) -> None:
    code = "import reelbase, sys; print(sorted({'numpy', 'pluggy', 'av'} & set(sys.modules)))"
    assert run(bare, "-c", code, cwd=bare.parent) == "[]\n"


_LOCAL = """
import reelbase

ds = reelbase.empty("plain")
ds.create_tensor("boxes", htype="sequence[bbox]")
ds.append({"boxes": [[[1, 2, 3, 4]], []]})
print([one.shape for one in reelbase.load("plain").boxes[0].numpy()])
"""


def test_it_works_without_av(bare: Path, tmp_path: Path) -> None:
    assert run(bare, "-c", _LOCAL, cwd=tmp_path) == "[(1, 4), (0, 4)]\n"


_VIDEO = """
import reelbase
from importlib.resources import files

ds = reelbase.empty("videos")
ds.create_tensor("videos", htype="video")
try:
    ds.videos.append(reelbase.read(files("reelbase.cli") / "clip" / "bunny.mp4"))
except ImportError as error:
    print(type(error).__name__)
    print(str(error).splitlines()[-1].strip())
print(len(ds.videos), len(reelbase.load("videos").videos))
"""


def test_a_video_without_av_says_what_to_install(bare: Path, tmp_path: Path) -> None:
    shown = run(bare, "-c", _VIDEO, cwd=tmp_path)
    assert shown.splitlines() == ["MissingDependencyError", "pip install 'reelbase[av]'", "0 0"]

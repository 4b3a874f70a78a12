"""The example plugin, as a stranger would use it: built, installed into a fresh environment, found, tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "reelbase-vault"


def _run(*command: object, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    run = subprocess.run(
        [str(one) for one in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | (env or {}),
    )
    assert run.returncode == 0, f"{command}:\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, so that building leaves nothing in the repository."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache", "dist", "*.egg-info")
    return Path(shutil.copytree(_EXAMPLE, tmp_path_factory.mktemp("vault") / "reelbase-vault", ignore=ignored))


@pytest.fixture(scope="module")
def wheel(work: Path) -> Path:
    """The built wheel. No build isolation: hatchling is here, and nothing is downloaded."""
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", ".", cwd=work)
    (built,) = (work / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(work: Path, wheel: Path) -> Path:
    """A fresh environment with the wheel in it, over the running one (which has reelbase and pytest)."""
    folder = work.parent / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=work).strip())
    running = sysconfig.get_path("purelib")
    # addsitedir, not a bare path: an editable install of reelbase is itself a .pth file in there.
    (site / "running.pth").write_text(f"import site; site.addsitedir({running!r})\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    _run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=work)
    return python


def test_it_is_not_installed_here() -> None:
    from importlib.util import find_spec

    assert find_spec("reelbase_vault") is None, "the running environment has it: the test would prove nothing"


def test_the_plugin_is_found_and_loaded_on_use(python: Path, tmp_path: Path) -> None:
    code = """
        import sys
        from reelbase.registry import registry

        (plugin,) = [one for one in registry().plugins if one.distribution == "reelbase-vault"]
        print(plugin.name, plugin.version, plugin.failures)
        print("reelbase_vault.storage" in sys.modules)
        print(registry().open_storage("vault://a.db"))
        print("reelbase_vault.storage" in sys.modules, "reelbase_vault.keypoints" in sys.modules)
        print(registry().htypes.load("keypoints").__name__)
    """
    out = _run(python, "-W", "error", "-c", textwrap.dedent(code), cwd=tmp_path)
    assert out.splitlines() == [
        "vault 1.0.0 []",
        "False",
        "VaultStorage('vault://a.db')",
        "True False",
        "Keypoints",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_denied_plugin_is_named(python: Path, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"  # of the user: a project may not deny plugins
    settings.write_text('[plugins]\ndeny = ["reelbase-vault"]')
    code = """
        import reelbase
        try:
            reelbase.empty("vault://a.db")
        except reelbase.ReelbaseError as error:
            print(error)
    """
    out = _run(python, "-c", textwrap.dedent(code), cwd=tmp_path, env={"REELBASE_CONFIG": str(settings)})
    assert "No installed plugin handles vault:// URLs; known: file, gcs, gdrive, gs, http, https, mem, s3." in out
    assert "Plugin 'vault' was not loaded: [plugins] deny names it." in out


def test_the_readme_example(python: Path, tmp_path: Path) -> None:
    text = (_EXAMPLE / "README.md").read_text()
    (block,) = [part.split("```")[0] for part in text.split("```python\n")[1:] if "import reelbase\n" in part]
    out = _run(python, "-c", f"{block}\nprint(ds.pose[0].numpy().shape)", cwd=tmp_path)
    assert out == "(2, 3, 3)\n"
    assert [path.name for path in tmp_path.iterdir()] == ["poses.db"]


def test_its_own_tests_pass(python: Path, work: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-W", "error", "tests")
    out = _run(python, "-m", "pytest", *options, cwd=work)
    assert "passed" in out.splitlines()[-1]
    assert "failed" not in out

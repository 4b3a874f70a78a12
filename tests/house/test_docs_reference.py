"""The reference is made from the code, so it holds every public name, plugin name, command and setting."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from reelbase.cli import main
from reelbase.config.keys import Values, collect_keys
from reelbase.registry import registry

_EXTENSION = Path(__file__).parents[2] / "docs" / "_ext" / "reference_pages.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reference")
    _load().write_pages(folder)
    return {path.stem: path.read_text() for path in folder.iterdir()}


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", _EXTENSION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["top-level", "errors", "plugin", "testing"])
def test_every_public_name(page: str, pages: dict[str, str]) -> None:
    reference = _load()
    module = reference.MODULES[page][0]
    names = reference.public_names(module)
    assert len(names) >= 10
    missing = [name for name in names if not re.search(rf"{module}\.{name}[`\n]", pages[page])]
    assert not missing


@pytest.mark.parametrize("kind", ["storages", "codecs", "htypes", "credentials", "viewers"])
def test_every_plugin_name(kind: str, pages: dict[str, str]) -> None:
    specs = list(getattr(registry(), kind).specs())
    assert specs
    assert not [spec.name for spec in specs if f"## `{spec.name}`\n" not in pages[kind]]


def test_every_command(pages: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    names = re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE)
    assert len(names) >= 19
    assert not [name for name in names if f"## {name}\n\n```text\nusage: reelbase {name} " not in pages["commands"]]


def test_every_setting(pages: dict[str, str]) -> None:
    shown = [key.shape or name for name, key in collect_keys(Values).items()]
    assert len(shown) >= 10
    assert not [name for name in shown if f"## `{name}`\n" not in pages["configuration"]]


def test_the_reference_lists_each_page() -> None:
    index = (_EXTENSION.parents[1] / "reference" / "index.md").read_text()
    assert not [name for name, _ in _load().pages() if f"generated/{name}\n" not in index]

"""Throw-away distributions on sys.path: what `pip install` leaves behind, written by hand."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from reelbase.config import load
from reelbase.registry import Registry
from reelbase.registry._loading import load_plugins

if TYPE_CHECKING:
    from pathlib import Path

Install = Callable[..., str]
Build = Callable[..., Registry]

HEADER = "from reelbase.plugin import *\nfrom reelbase.plugin import hookimpl\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution with one plugin module; returns the module's name.

    ``install("dist-name", entry, source)``: the source may use everything of `reelbase.plugin`, and ``{module}``.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    made = []

    def install(dist: str, source: str, *, entry: str = "", version: str = "1.0") -> str:
        module = f"throwaway_{dist.replace('-', '_')}_{len(made)}"
        made.append(module)
        text = HEADER + textwrap.dedent(source).replace("{module}", module)
        (site / f"{module}.py").write_text(text)
        info = site / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        points = info / "entry_points.txt"
        earlier = points.read_text() if points.exists() else "[reelbase]\n"
        points.write_text(f"{earlier}{entry or dist} = {module}\n")
        importlib.invalidate_caches()
        return module

    yield install
    for module in made:
        sys.modules.pop(module, None)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Make a registry of what is installed, under a configuration given as TOML."""

    def build(toml: str = "") -> Registry:
        user = tmp_path / "config.toml"
        user.write_text(toml)
        settings = load({"REELBASE_CONFIG": str(user)}, tmp_path)
        return Registry(load_plugins(settings.plugins), settings)

    return build

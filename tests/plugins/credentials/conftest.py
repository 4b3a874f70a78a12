"""A configuration of the user's, and services that ask who one is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import reelbase
from reelbase import config, registry
from reelbase.credentials import resolver
from reelbase.io.cache import cached_source
from reelbase.testing.clips import Clip, make_clip


def _reset() -> None:
    cached_source.forget()
    config.reset()
    registry.reset()
    resolver.reset()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing is cached_source, bound or configured."""
    _reset()
    yield
    _reset()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Use a configuration file of the user's with this text."""

    def use(text: str) -> None:
        path = tmp_path / "config.toml"
        path.write_text(text)
        monkeypatch.setenv("REELBASE_CONFIG", str(path))
        _reset()

    return use


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=24, gop=12, bframes=2)


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    """With an empty tensor of links."""
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    return ds

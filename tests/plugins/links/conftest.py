"""A web server of clips, and datasets that link to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import reelbase
from reelbase import config, registry
from reelbase.io.cache import cached_source
from reelbase.testing.clips import Clip, make_clip
from reelbase.testing.servers import BadHttpServer


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=60, gop=12, bframes=2)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("other") / "other.mp4", frames=30, first=100)


@pytest.fixture
def server(clip: Clip, other: Clip) -> Iterator[BadHttpServer]:
    """Serves ``clip.mp4`` and ``other.mp4``."""
    with BadHttpServer({"clip.mp4": clip.path.read_bytes(), "other.mp4": other.path.read_bytes()}) as server:
        yield server


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    """With an empty tensor of links, which is called ``links`` as in the guide."""
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    return ds


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing is cached_source."""
    cached_source.forget()
    yield
    cached_source.forget()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Use a configuration file of the user's with this text."""

    def use(text: str) -> None:
        path = tmp_path / "config.toml"
        path.write_text(text)
        monkeypatch.setenv("REELBASE_CONFIG", str(path))
        config.reset()
        registry.reset()

    yield use
    config.reset()
    registry.reset()

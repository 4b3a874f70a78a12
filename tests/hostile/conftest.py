"""A clip, a clean configuration, and counts that are printed at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from reelbase import config, registry
from reelbase.credentials import resolver
from reelbase.io.cache import cached_source
from reelbase.testing.clips import Clip, make_clip


def _reset() -> None:
    cached_source.forget()
    config.reset()
    registry.reset()
    resolver.reset()


@pytest.fixture
def security(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets settings of the table [security]."""

    def use(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"REELBASE_SECURITY__{name.upper()}", str(value))
        _reset()

    yield use
    monkeypatch.undo()
    _reset()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=24, gop=12, bframes=2)

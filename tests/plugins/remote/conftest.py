"""Folders on every backend: one behind a ledger, one behind a proxy that makes trouble."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from faulty_proxy import FaultyProxy

import reelbase
from reelbase.testing.clips import Clip, make_clip

sys.path.insert(0, str(Path(__file__).parent.parent / "http"))
from ledger import ROWS, Ledger
from remote_places import Place, Places
from troubles import HASTE


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account of whoever runs the tests is used, and no metadata service asked."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=120, gop=12)


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("short") / "clip.mp4", frames=24, gop=12)


@pytest.fixture(scope="session")
def counted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clip: Clip
) -> Iterator[Places[Ledger]]:
    """A dataset of some videos, one of a million numbers, and a video by itself; behind a ledger."""
    folder = tmp_path_factory.mktemp("counted")
    _videos(folder / "videos", clip, ROWS)
    numbers = reelbase.empty(folder / "numbers")
    numbers.create_tensor("n", dtype="int64").extend(np.arange(1_000_000))
    numbers._session.log.flush_hint()
    (folder / "clip.mp4").write_bytes(clip.path.read_bytes())
    places = Places(request, tmp_path_factory.mktemp("servers"), folder, Ledger)
    yield places
    places.close()


@pytest.fixture(scope="session")
def troubled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, short_clip: Clip
) -> Iterator[Places[FaultyProxy]]:
    """A dataset of some videos, and a video by itself; behind a proxy that makes trouble, for clients in haste."""
    folder = tmp_path_factory.mktemp("troubled")
    _videos(folder / "ds", short_clip, 3)
    (folder / "clip.mp4").write_bytes(short_clip.path.read_bytes())
    places = Places(request, tmp_path_factory.mktemp("servers"), folder, FaultyProxy, **HASTE)
    yield places
    places.close()


def _videos(path: Path, clip: Clip, rows: int) -> None:
    """A dataset at rest: its hint, written at most once a second, names the newest commit."""
    ds = reelbase.empty(path)
    ds.create_tensor("videos", htype="video")
    with ds:
        for _ in range(rows):
            ds.videos.append(reelbase.read(clip.path, check="none"))
    ds._session.log.flush_hint()


@pytest.fixture(params=["http", "s3", "gcs"])
def backend(request: pytest.FixtureRequest, counted: Places[Ledger]) -> Place[Ledger]:
    """A place behind a ledger."""
    return counted(request.param)

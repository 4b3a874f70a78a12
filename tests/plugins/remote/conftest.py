"""Backends with a ledger before them, and a dataset on each: the same bytes everywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cloud_servers import FakeGcs, Seaweed

import reelbase
from reelbase import config, registry
from reelbase.plugin import Credentials, Storage
from reelbase.testing.clips import Clip, make_clip
from reelbase_plugins.gcs.storage import GcsStorage
from reelbase_plugins.s3.storage import S3Storage

sys.path.insert(0, str(Path(__file__).parent.parent / "http"))
from ledger import ROWS, Backend, Ledger
from nginx import nginx


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=120, gop=12)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, clip: Clip) -> Path:
    """A dataset of some videos, one of a million numbers, and a video by itself."""
    root = tmp_path_factory.mktemp("folder")
    ds = reelbase.empty(root / "videos")
    ds.create_tensor("videos", htype="video")
    with ds:
        for _ in range(ROWS):
            ds.videos.append(reelbase.read(clip.path, check="none"))
    numbers = reelbase.empty(root / "numbers")
    numbers.create_tensor("n", dtype="int64").extend(np.arange(1_000_000))
    (root / "clip.mp4").write_bytes(clip.path.read_bytes())
    for one in (ds, numbers):
        _at_rest(one)
    return root


def _at_rest(ds: reelbase.Dataset) -> None:
    """Its hint, written at most once a second, names the newest commit."""
    ds._session.log.flush_hint()


def _fill(storage: Storage, folder: Path) -> None:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        storage.put(str(file.relative_to(folder)), file.read_bytes())


@pytest.fixture(scope="session")
def on_http(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Backend]:
    home = tmp_path_factory.mktemp("nginx")
    with nginx(home) as url:
        (home / "www" / "lab").symlink_to(folder)
        ledger = Ledger(url)
        with ledger.serving() as seen:
            yield Backend(f"{seen}/lab", ledger, {})


@pytest.fixture(scope="session")
def on_s3(seaweed: Seaweed, folder: Path) -> Iterator[Backend]:
    storage = S3Storage("s3://ledger", options=seaweed.options(), credentials=Credentials(seaweed.OWNER))
    client = storage.bucket().client
    client.run(client.filesystem.s3.create_bucket(Bucket="ledger"), 30)
    _fill(storage, folder)
    ledger = Ledger(seaweed.url)
    with ledger.serving() as seen:
        options = {**seaweed.options(), "endpoint_url": seen}
        named = {f"REELBASE_STORAGE__S3__{name.upper()}": str(value) for name, value in options.items()}
        keys = {name.upper(): value for name, value in seaweed.OWNER.items()}
        yield Backend("s3://ledger", ledger, {**named, **keys})


@pytest.fixture(scope="session")
def on_gcs(fake_gcs: FakeGcs, folder: Path) -> Iterator[Backend]:
    fake_gcs.make_bucket("ledger")
    _fill(GcsStorage("gs://ledger", options=fake_gcs.options()), folder)
    ledger = Ledger(fake_gcs.url)
    with ledger.serving() as seen:
        yield Backend("gs://ledger", ledger, {"REELBASE_STORAGE__GCS__ENDPOINT_URL": seen})


@pytest.fixture(params=["http", "s3", "gcs"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    one: Backend = request.getfixturevalue(f"on_{request.param}")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in one.options.items():
        monkeypatch.setenv(name, value)
    config.reset()
    registry.reset()
    yield one
    config.reset()
    registry.reset()

"""Datasets in a bucket of S3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cloud_servers import Seaweed
from cloud_story import in_other_processes, requests_of_a_user, two_processes, whole_life

import reelbase
from reelbase import config, registry
from reelbase.errors import ConfigError, UsageError
from reelbase_plugins.s3.storage import S3Storage


@pytest.fixture
def url(storage: S3Storage, owner: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty folder; the environment says where its server is, to other processes, too."""
    for name, value in owner.options().items():
        monkeypatch.setenv(f"REELBASE_STORAGE__S3__{name.upper()}", str(value))
    config.reset()
    registry.reset()
    yield storage.root
    config.reset()
    registry.reset()


def test_whole_life(url: str, tmp_path: Path) -> None:
    whole_life(url, tmp_path)


def test_two_processes(url: str) -> None:
    two_processes(url)


def test_in_other_processes(url: str) -> None:
    in_other_processes(url)


def test_requests(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the guide says."""
    found = requests_of_a_user(url, monkeypatch)
    assert found["append"]["write"] <= 3
    assert found["append"].total() <= 6
    assert found["transaction of ten"].total() <= found["append"].total() + 2
    assert found["open"].total() <= 8
    assert found["first read"].total() <= 2
    assert found["second read"].total() <= 1


def test_options_by_argument(storage: S3Storage, owner: Seaweed, tmp_path: Path) -> None:
    """Nothing in the environment or configuration says where the server is."""
    how = {"options": owner.options(), "creds": owner.OWNER}
    ds = reelbase.empty(storage.root, **how)
    ds.create_tensor("n").extend([1, 2, 3])
    copy = ds.copy(f"{storage.root}-copy", **how)
    assert copy.n.numpy().tolist() == reelbase.load(storage.root, **how).n.numpy().tolist() == [1, 2, 3]
    assert reelbase.exists(storage.root, **how)
    with pytest.raises(ConfigError, match="no_such"):
        reelbase.load(storage.root, options={"no_such": 1})
    with pytest.raises(UsageError, match="options is not a mapping"):
        reelbase.load(storage.root, options="endpoint")  # type: ignore[arg-type]
    reelbase.delete(storage.root, **how)
    assert not reelbase.exists(storage.root, **how)


def test_gc_ends_uploads_that_nobody_will_complete(storage: S3Storage, owner: Seaweed) -> None:
    """Of this dataset, and of no other folder; not before their time."""
    how = {"options": owner.options(), "creds": owner.OWNER}
    ds = reelbase.empty(storage.root, **how)
    ds.create_tensor("n").extend([1, 2, 3])
    beside = S3Storage(f"{storage.root}-beside", options=owner.options())
    for one in (storage, beside):
        name = one.place.make_name("packs/ab/unfinished.pack")
        upload = one.ask(lambda bucket, name=name: bucket.begin(name), one.root)
        one.ask(lambda bucket, name=name, upload=upload: bucket.upload_piece(name, upload, 1, bytes(5 << 20)), one.root)
    assert ds.maintenance.stats().leftovers.objects == 1
    ds.maintenance.gc(grace=timedelta(hours=1))
    assert len(list(storage.leftovers())) == 1
    assert ds.maintenance.gc(grace=timedelta(0), dry_run=True).bytes >= 5 << 20
    assert len(list(storage.leftovers())) == 1
    ds.maintenance.gc(grace=timedelta(0))
    assert not list(storage.leftovers())
    assert len(list(beside.leftovers())) == 1
    assert ds.n.numpy().tolist() == [1, 2, 3]

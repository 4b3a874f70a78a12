"""Datasets in a bucket of Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_servers import FakeGcs
from cloud_story import in_other_processes, requests_of_a_user, two_processes, whole_life

from reelbase import config, registry
from reelbase_plugins.gcs.storage import GcsStorage


@pytest.fixture
def url(gcs_storage: GcsStorage, fake_gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty folder; the environment says where its server is, to other processes, too."""
    monkeypatch.setenv("REELBASE_STORAGE__GCS__ENDPOINT_URL", fake_gcs.url)
    config.reset()
    registry.reset()
    yield gcs_storage.root
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

"""An empty folder in a bucket for each test."""

from __future__ import annotations

import itertools

import pytest
from cloud_servers import FakeGcs

from reelbase_plugins.gcs.storage import GcsStorage
from whole_run import worker

_numbers = itertools.count()


@pytest.fixture(scope="session")
def gcs_bucket(fake_gcs: FakeGcs) -> str:
    name = f"videos-{worker()}"
    fake_gcs.make_bucket(name)
    return name


@pytest.fixture
def gcs_storage(fake_gcs: FakeGcs, gcs_bucket: str) -> GcsStorage:
    return GcsStorage(f"gs://{gcs_bucket}/test {next(_numbers)}/of mine", options=fake_gcs.options())

"""An account and an empty bucket for each test."""

from __future__ import annotations

import itertools

import pytest
from cloud_servers import Moto, Seaweed

from reelbase.plugin import Credentials
from reelbase_plugins.s3.storage import S3Storage
from whole_run import worker

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _nobody(no_aws_account: None) -> None:
    """Of whoever runs the tests."""


@pytest.fixture
def owner(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Seaweed:
    """The server, and the environment of somebody who may do all there."""
    for name, value in seaweed.OWNER.items():
        monkeypatch.setenv(name.upper(), value)
    return seaweed


@pytest.fixture(scope="session")
def bucket(seaweed: Seaweed) -> str:
    """One for all tests of a worker: SeaweedFS would keep volumes for each. Each test has a folder of its own in it."""
    return seaweed.make_bucket(f"videos-{worker()}")


@pytest.fixture
def storage(owner: Seaweed, bucket: str) -> S3Storage:
    return S3Storage(f"s3://{bucket}/test {next(_numbers)}/of mine", options=owner.options())


@pytest.fixture(scope="session")
def moto_bucket(moto: Moto) -> str:
    return moto.make_bucket(f"videos-{worker()}")


@pytest.fixture
def moto_storage(moto: Moto, moto_bucket: str, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    for name, value in moto.OWNER.items():
        monkeypatch.setenv(name.upper(), value)
    return S3Storage(f"s3://{moto_bucket}/test {next(_numbers)}/of mine", options=moto.options())


@pytest.fixture(scope="session")
def public(seaweed: Seaweed) -> str:
    """A bucket that anybody may read, with one object."""
    url = f"s3://{seaweed.make_bucket('public')}"
    S3Storage(url, options=seaweed.options(), credentials=Credentials(seaweed.OWNER)).put("key", b"for all")
    return url

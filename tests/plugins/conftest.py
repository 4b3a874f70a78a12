"""Storage servers: each starts when a test first asks for it, once in a test run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from cloud_servers import FakeGcs, Moto, Seaweed, shared

from reelbase.testing.servers.drive import DriveServer

os.environ.setdefault("NO_GCE_CHECK", "true")  # Google's libraries look for a machine of Google's, in threads too


@pytest.fixture(scope="session")
def seaweed() -> Seaweed:
    return shared(Seaweed)


@pytest.fixture(scope="session")
def moto() -> Moto:
    return shared(Moto)


@pytest.fixture(scope="session")
def fake_gcs() -> FakeGcs:
    return shared(FakeGcs)


@pytest.fixture
def drive() -> Iterator[DriveServer]:
    with DriveServer() as server:
        yield server


@pytest.fixture(scope="session")
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


@pytest.fixture
def account(drive: DriveServer, private_key: str) -> dict[str, str]:
    """The fields of a service account, whose tokens Drive's server gives."""
    return {
        "type": "service_account", "client_email": "robot@example.iam.gserviceaccount.com", "private_key_id": "1",
        "private_key": private_key, "token_uri": f"{drive.url}/token", "project_id": "example",
    }  # fmt: skip


@pytest.fixture
def no_aws_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account of whoever runs the tests is used, and no metadata service asked."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")

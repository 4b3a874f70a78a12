"""A Drive on loopback, and a service account of it in the environment."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reelbase.plugin import Credentials
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.gdrive.storage import DriveStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test asks for another host, in whatever thread: what tries is refused, and the test fails."""
    real, others = socket.getaddrinfo, []

    def find(host: str, *args: object, **named: object) -> object:
        if host not in {"127.0.0.1", "localhost"}:
            others.append(host)
            raise socket.gaierror(f"{host} is not loopback")
        return real(host, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    yield
    assert others == []


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


@pytest.fixture
def drive() -> Iterator[DriveServer]:
    with DriveServer() as server:
        yield server


@pytest.fixture
def account(drive: DriveServer, private_key: str) -> dict[str, str]:
    """The fields of a service account."""
    return {
        "type": "service_account", "client_email": "robot@example.iam.gserviceaccount.com", "private_key_id": "1",
        "private_key": private_key, "token_uri": f"{drive.url}/token", "project_id": "example",
    }  # fmt: skip


@pytest.fixture(autouse=True)
def environment(
    account: dict[str, str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Application default credentials, as a user has them."""
    path = tmp_path_factory.mktemp("adc") / "key.json"
    path.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return path


@pytest.fixture
def opened(drive: DriveServer) -> Callable[..., DriveStorage]:
    """A storage at a root, with the token "good" if no other credentials are given."""

    def make(
        root: str = "gdrive://root", *, credentials: dict[str, str] | None = None, **options: object
    ) -> DriveStorage:
        options = {"endpoint_url": drive.url, "timeout": 5, "tries": 3, "deadline": 20, **options}
        given = {"token": "good"} if credentials is None else credentials
        return DriveStorage(root, options=options, credentials=Credentials(given))

    return make

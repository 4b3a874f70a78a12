"""A Drive on loopback, and a service account of it in the environment."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

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

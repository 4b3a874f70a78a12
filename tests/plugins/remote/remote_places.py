"""A folder on a backend, and a proxy before the server."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest
from cloud_servers import FakeGcs, Seaweed
from faulty_proxy import FaultyProxy
from nginx import nginx

from reelbase.plugin import Credentials, Storage
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.gcs.storage import GcsStorage
from reelbase_plugins.gdrive.storage import DriveStorage
from reelbase_plugins.s3.storage import S3Storage
from whole_run import worker

BACKENDS = ("http", "s3", "gcs", "gdrive")
Proxy = TypeVar("Proxy", bound=FaultyProxy)


@dataclass(frozen=True)
class Place(Generic[Proxy]):
    """A folder on a backend, behind a proxy.

    Attributes:
        url: URL of the folder.
        proxy: Before the server.
        how: What `reelbase.load` needs to find it through the proxy.
        direct: The same without the proxy.
    """

    url: str
    proxy: Proxy
    how: dict[str, Any]
    direct: dict[str, Any]


class Places(Generic[Proxy]):
    """The same folder on each backend, put there on first use.

    Args:
        request: For the servers.
        home: For their data.
        folder: What to put there.
        kind: Of proxy.
        options: Of every storage, through the proxy.
    """

    def __init__(
        self, request: pytest.FixtureRequest, home: Path, folder: Path, kind: type[Proxy], **options: Any
    ) -> None:
        self._request, self._home, self._folder, self._kind, self._options = request, home, folder, kind, options
        self._made: dict[str, Place[Proxy]] = {}
        self._bucket = f"{folder.name}-{worker()}"
        self._stack = ExitStack()

    def __call__(self, backend: str) -> Place[Proxy]:
        if backend not in self._made:
            self._made[backend] = getattr(self, f"_on_{backend}")()
        return self._made[backend]

    def close(self) -> None:
        """End what was started for them alone."""
        self._stack.close()

    def _on_http(self) -> Place[Proxy]:
        url = self._stack.enter_context(nginx(self._home))
        (self._home / "www" / "folder").symlink_to(self._folder)
        proxy, seen = self._before(url)
        return Place(f"{seen}/folder", proxy, {"options": self._options}, {})

    def _on_s3(self) -> Place[Proxy]:
        server: Seaweed = self._request.getfixturevalue("seaweed")
        url = f"s3://{server.make_bucket(self._bucket)}"
        storage = S3Storage(url, options=server.options(), credentials=Credentials(server.OWNER))
        self._fill(storage)
        return self._place(url, server.url, {"options": server.options(), "creds": server.OWNER})

    def _on_gcs(self) -> Place[Proxy]:
        server: FakeGcs = self._request.getfixturevalue("fake_gcs")
        server.make_bucket(self._bucket)
        url = f"gs://{self._bucket}"
        self._fill(GcsStorage(url, options=server.options()))
        return self._place(url, server.url, {"options": server.options()})

    def _on_gdrive(self) -> Place[Proxy]:
        server = self._stack.enter_context(DriveServer())
        url = f"gdrive://{server.add_folder(self._folder.name).id}"
        direct: dict[str, Any] = {"options": {"endpoint_url": server.url}, "creds": {"token": "good"}}
        self._fill(DriveStorage(url, options=direct["options"], credentials=Credentials(direct["creds"])))
        return self._place(url, server.url, direct)

    def _place(self, url: str, server: str, direct: dict[str, Any]) -> Place[Proxy]:
        proxy, seen = self._before(server)
        options = {**direct["options"], "endpoint_url": seen, **self._options}
        return Place(url, proxy, {**direct, "options": options}, direct)

    def _before(self, server: str) -> tuple[Proxy, str]:
        proxy = self._kind(server)
        return proxy, self._stack.enter_context(proxy.serving())

    def _fill(self, storage: Storage) -> None:
        for file in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            storage.put(str(file.relative_to(self._folder)), file.read_bytes())

"""HTTP storage keeps the storage contract, over nginx and over a server that knows no ranges."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

import pytest

from reelbase.errors import StorageError
from reelbase.plugin import Storage
from reelbase.testing import StorageTests
from reelbase.testing.servers import BadHttpServer, NoRange
from reelbase_plugins.http.storage import HttpStorage


class _ReadOnly(StorageTests):
    """A web server lists nothing."""

    def test_list_in_order(self, storage: Storage) -> None:
        with pytest.raises(StorageError, match="cannot list files"):
            storage.list()

    def test_list_a_prefix(self, storage: Storage) -> None:  # type: ignore[override]
        with pytest.raises(StorageError, match="cannot list files"):
            storage.list("a/")

    def test_list_nothing(self, storage: Storage) -> None:
        assert list(storage.leftovers()) == []

    def test_unusual_keys(self, storage: Storage, name: str) -> None:
        self.fill(storage, {f"in/{name}": name.encode(), "in/other": b"other"})
        assert storage.get(f"in/{name}") == name.encode()
        assert storage.get_ranges(f"in/{name}", [(0, 2), (1, 3)]) == [name.encode()[0:2], name.encode()[1:3]]
        assert storage.stat(f"in/{name}").size == len(name.encode())

    # The kit's own marks of these two ask for other arguments.
    test_unusual_keys.pytestmark = StorageTests.test_unusual_keys.pytestmark  # type: ignore[attr-defined]


# What writes is left out: skipped, it would only look tested.
for _name, _test in inspect.getmembers(StorageTests, inspect.isfunction):
    if "writable" in inspect.signature(_test).parameters:
        setattr(_ReadOnly, _name, None)


class TestNginx(_ReadOnly):
    @pytest.fixture
    def storage(self, place: tuple[str, Path]) -> HttpStorage:
        self.folder = place[1]
        return HttpStorage(place[0])

    def fill(self, storage: Storage, objects: Mapping[str, bytes]) -> None:
        for key, data in objects.items():
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


class TestListedFolder(TestNginx):
    """Where the web server makes pages of folders, they are still no objects."""

    @pytest.fixture
    def storage(self, web: tuple[str, Path], tmp_path: Path) -> HttpStorage:
        self.folder = web[1] / "listed" / tmp_path.name
        self.folder.mkdir(parents=True)
        return HttpStorage(f"{web[0]}/listed/{tmp_path.name}/")


class TestWithoutRanges(_ReadOnly):
    @pytest.fixture
    def storage(self, server: BadHttpServer) -> HttpStorage:
        self.server = server
        server.fail(NoRange())
        return HttpStorage(f"{server.url}/data")

    def fill(self, storage: Storage, objects: Mapping[str, bytes]) -> None:
        self.server.objects = {f"data/{key}": data for key, data in objects.items()}

"""Local files keep the storage contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reelbase.testing import StorageTests
from reelbase_plugins.local.storage import LocalStorage

if TYPE_CHECKING:
    from pathlib import Path


class TestLocal(StorageTests):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return LocalStorage(str(tmp_path / "new" / "root"))


class TestFileUrl(StorageTests):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return LocalStorage(f"file://{tmp_path}/a%20b")

    def url(self, storage: LocalStorage, key: str) -> str:  # type: ignore[override]
        return f"file://{storage.root.replace(' ', '%20')}/{key}"

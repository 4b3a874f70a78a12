"""S3Storage keeps the storage contract on a real server, and on a second one that was written by others."""

from __future__ import annotations

import pytest

from reelbase.plugin import Storage
from reelbase.testing import StorageTests
from reelbase.testing import storage as kit
from reelbase_plugins.s3.storage import S3Storage

# SeaweedFS takes a backslash for a slash.
_UNUSUAL = [name for name in kit._UNUSUAL if "\\" not in name]


class TestSeaweed(StorageTests):
    @pytest.fixture
    def storage(self, storage: S3Storage) -> S3Storage:
        return storage

    @pytest.mark.parametrize("name", _UNUSUAL)
    def test_unusual_keys(self, storage: Storage, name: str) -> None:
        super().test_unusual_keys(storage, name)

    def test_one_racer_wins(self, writable: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        # Where a racer finds the lock of a name taken, SeaweedFS has it wait for a second.
        monkeypatch.setattr(kit, "_ROUNDS", 3)
        super().test_one_racer_wins(writable)


class TestMoto(StorageTests):
    @pytest.fixture
    def storage(self, moto_storage: S3Storage) -> S3Storage:
        return moto_storage

"""GcsStorage keeps the storage contract on a server that speaks Google's JSON API."""

from __future__ import annotations

import pytest

from reelbase.testing import StorageTests
from reelbase_plugins.gcs.storage import GcsStorage


class TestFakeGcs(StorageTests):
    @pytest.fixture
    def storage(self, gcs_storage: GcsStorage) -> GcsStorage:
        return gcs_storage

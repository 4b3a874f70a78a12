"""S3Storage keeps the storage contract on a real server."""

from __future__ import annotations

import pytest

from reelbase.testing import StorageTests
from reelbase_plugins.s3.storage import S3Storage


class TestSeaweed(StorageTests):
    @pytest.fixture
    def storage(self, storage: S3Storage) -> S3Storage:
        return storage

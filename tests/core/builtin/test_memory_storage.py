"""Storage in memory."""

from __future__ import annotations

import uuid

import pytest

from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.testing import StorageTests


class TestMemory(StorageTests):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage(f"mem://{uuid.uuid4().hex}")


class TestFolderInMemory(StorageTests):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        name = uuid.uuid4().hex
        MemoryStorage(f"mem://{name}").put("outside", b"")
        MemoryStorage(f"mem://{name}/a").put("bc", b"")
        return MemoryStorage(f"mem://{name}/a/b")

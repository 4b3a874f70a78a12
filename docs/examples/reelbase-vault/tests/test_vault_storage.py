"""The vault keeps reelbase's storage contract, and what is particular to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from reelbase_vault.storage import VaultStorage

from reelbase.errors import ObjectNotFoundError, StorageError
from reelbase.testing import StorageTests

if TYPE_CHECKING:
    from pathlib import Path


class TestVault(StorageTests):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> VaultStorage:
        return VaultStorage(f"vault://{tmp_path}/new folder/a.db")


class TestFolderInAVault(StorageTests):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> VaultStorage:
        VaultStorage(f"vault://{tmp_path}/a.db").put("beside", b"1")
        return VaultStorage(f"vault://{tmp_path}/a.db/some/folder")


@pytest.mark.parametrize(
    ("url", "root", "key"),
    [
        ("vault:///a/b.db/c/d.mp4", "vault:///a/b.db", "c/d.mp4"),
        ("vault://b.db/c", "vault://b.db", "c"),
        ("vault://b.db/old.db/c", "vault://b.db", "old.db/c"),
    ],
)
def test_locate(url: str, root: str, key: str) -> None:
    assert VaultStorage.locate(url) == (root, key)


@pytest.mark.parametrize("url", ["vault://b.db", "vault://b.db/", "vault://folder/file", "vault://"])
def test_urls_that_name_no_object(url: str) -> None:
    with pytest.raises(StorageError):
        VaultStorage.locate(url)


def test_looking_makes_no_file(tmp_path: Path) -> None:
    storage = VaultStorage(f"vault://{tmp_path}/a.db")
    with pytest.raises(ObjectNotFoundError):
        storage.stat("key")
    assert list(storage.list()) == []
    storage.delete("key")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_vault(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StorageError, match="file is not a database"):
        VaultStorage(f"vault://{tmp_path}/a.db").get("key")


def test_a_part_reads_only_its_pieces(tmp_path: Path) -> None:
    storage = VaultStorage(f"vault://{tmp_path}/a.db")
    body = bytes(range(256)) * (3 << 12)  # three pieces of 1 MiB
    storage.put("key", body)
    for start in (0, (1 << 20) - 3, 1 << 20, (2 << 20) - 1, len(body) - 5):
        assert storage.get("key", start, start + 7) == body[start : start + 7]

"""Google Drive keeps the storage contract, for one writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reelbase.testing import StorageTests
from reelbase_plugins.gdrive.storage import DriveStorage

if TYPE_CHECKING:
    from reelbase.testing.servers.drive import DriveServer


class TestDrive(StorageTests):
    @pytest.fixture
    def storage(self, drive: DriveServer) -> DriveStorage:
        folder = drive.add_folder("data")
        return DriveStorage(f"gdrive://{folder.id}", options={"endpoint_url": drive.url})


class TestBelowAFolder(StorageTests):
    """The root's own folders are not there before the first `put`; pages are short."""

    @pytest.fixture
    def storage(self, drive: DriveServer) -> DriveStorage:
        drive.page_limit = 3
        return DriveStorage("gdrive://root/my videos/it's new", options={"endpoint_url": drive.url})

"""The one place that knows the library from inside: opening a dataset on a test's own storage, time, sizes."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reelbase.contracts.storage import Storage
from reelbase.registry import Registry

URL = "faulty://dataset"


@contextmanager
def serving(storage: Storage) -> Iterator[str]:
    """While the block runs, every public function that is given `URL` finds `storage`."""
    usual = Registry.open_storage

    def open_storage(self: Registry, root: str, **how: Any) -> Storage:
        return storage if root == URL else usual(self, root, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "open_storage", open_storage)
        yield URL


@contextmanager
def small_blobs() -> Iterator[None]:
    """While the block runs, a media sample of 1 KiB is an object of its own already."""
    importlib.import_module("reelbase.api")  # with all that take the limit from where it is defined
    holders = [
        one for name, one in sys.modules.items() if name.startswith("reelbase.") and hasattr(one, "MIN_BLOB_BYTES")
    ]
    with pytest.MonkeyPatch.context() as patch:
        for module in holders:
            patch.setattr(module, "MIN_BLOB_BYTES", 1024)
        yield


class Clock:
    """Time that passes only when somebody waits: replays do the same each time, and take none."""

    def __init__(self) -> None:
        self._now = 1000.0

    def wait(self, seconds: float) -> None:
        self._now += seconds

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """While the block runs, `time.monotonic` and `time.sleep` go by this clock."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: self._now)
            patch.setattr(time, "sleep", self.wait)
            yield

"""The one place that knows the library from inside: opening a dataset on a test's own storage, time, sizes."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
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
    with pytest.MonkeyPatch.context() as patch:
        for module in _holders_of_the_limit():
            patch.setattr(module, "MIN_BLOB_BYTES", 1024)
        yield


@cache
def _holders_of_the_limit() -> list[ModuleType]:
    importlib.import_module("reelbase.api")  # with all modules that import the limit from where it is defined
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith("reelbase.") and hasattr(module, "MIN_BLOB_BYTES")
    ]


_START = time.time()


def _uuid(number: int) -> uuid.UUID:
    """An id that is as good as random at both ends: the library uses the first digits of some alone."""
    return uuid.UUID(bytes=hashlib.blake2b(str(number).encode(), digest_size=16).digest(), version=4)


class Clock:
    """Time that passes only when somebody waits, and ids that are counted: replays do the same each time."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._ids = itertools.count()

    def wait(self, seconds: float) -> None:
        self._now += seconds

    def count_from(self, number: int) -> None:
        """The ids of objects that are made from now on are counted from there."""
        self._ids = itertools.count(number)

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """While the block runs, `time` and `uuid.uuid4` go by this clock."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: self._now)
            patch.setattr(time, "time", lambda: _START)
            patch.setattr(time, "sleep", self.wait)
            patch.setattr(uuid, "uuid4", lambda: _uuid(next(self._ids)))
            yield

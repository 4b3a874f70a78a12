"""Conformance tests for plugin authors, and clips to test with. Needs ``reelbase[testing]``.

Subclass one class for each thing a plugin offers, and give it its one fixture::

    from reelbase.testing import StorageTests

    class TestVault(StorageTests):
        @pytest.fixture
        def storage(self, tmp_path):
            return VaultStorage(f"vault://{tmp_path}/a.db")

`StorageTests` wants an empty storage, `CodecTests` (or `FrameCodecTests`, for codecs that find single frames) a
`CodecCase`, `HtypeTests` an `HtypeCase`, `CredentialProviderTests` a `CredentialProviderCase`, `ViewerTests` a viewer.

`FaultyStorage` wraps a storage and lets it fail at a chosen operation; its faults are in `reelbase.testing.faults`.
`reelbase.testing.servers` has servers and a proxy that misbehave, for storages that go over a network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbase.testing.codec import CodecCase, CodecTests, FrameCodecTests
    from reelbase.testing.credentials import CredentialProviderCase, CredentialProviderTests
    from reelbase.testing.faults import Fault, FaultyStorage, Stopped
    from reelbase.testing.htype import HtypeCase, HtypeTests
    from reelbase.testing.storage import StorageTests
    from reelbase.testing.viewer import ViewerTests

# Imported on use: `reelbase.testing.clips` and `.faults` must work without pytest.
_HOMES = {
    "CodecCase": "codec",
    "CodecTests": "codec",
    "CredentialProviderCase": "credentials",
    "CredentialProviderTests": "credentials",
    "Fault": "faults",
    "FaultyStorage": "faults",
    "FrameCodecTests": "codec",
    "HtypeCase": "htype",
    "HtypeTests": "htype",
    "Stopped": "faults",
    "StorageTests": "storage",
    "ViewerTests": "viewer",
}

__all__ = [
    "CodecCase",
    "CodecTests",
    "CredentialProviderCase",
    "CredentialProviderTests",
    "Fault",
    "FaultyStorage",
    "FrameCodecTests",
    "HtypeCase",
    "HtypeTests",
    "Stopped",
    "StorageTests",
    "ViewerTests",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"reelbase.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'reelbase.testing' has no attribute {name!r}")

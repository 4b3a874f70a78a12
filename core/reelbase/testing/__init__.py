"""Conformance tests for plugin authors, and clips to test with. Needs ``reelbase[testing]``.

For each thing that a plugin offers, subclass the class of tests and define its one fixture::

    from reelbase.testing import StorageTests

    class TestVault(StorageTests):
        @pytest.fixture
        def storage(self, tmp_path):
            return VaultStorage(f"vault://{tmp_path}/a.db")

The fixture of `StorageTests` is an empty storage, that of `CodecTests` (or `FrameCodecTests`, for codecs that decode
single frames) a `CodecCase`, of `HtypeTests` an `HtypeCase`, of `CredentialProviderTests` a `CredentialProviderCase`,
and of `ViewerTests` a viewer.

`FaultyStorage` wraps a storage and makes a chosen operation fail; the faults are in `reelbase.testing.faults`.
`reelbase.testing.servers` has servers and a proxy that misbehave, to test storages that use a network.
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

# Imported on first use, because `reelbase.testing.clips` and `.faults` must work without pytest.
_MODULE_OF_NAME = {
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
    if name in _MODULE_OF_NAME:
        return getattr(import_module(f"reelbase.testing.{_MODULE_OF_NAME[name]}"), name)
    raise AttributeError(f"module 'reelbase.testing' has no attribute {name!r}")

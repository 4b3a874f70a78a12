"""Core's own plugin: storage in memory, arrays of numbers, and credential providers that need no library."""

from __future__ import annotations

from reelbase.plugin import CredentialSpec, HtypeSpec, StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """Declare the storage of ``mem://name`` URLs."""
    return [StorageSpec(name="memory", target="reelbase.builtin.memory_storage:MemoryStorage", schemes=("mem",))]


@hookimpl
def reelbase_htypes() -> list[HtypeSpec]:
    """Declare ``generic``: arrays of numbers."""
    return [HtypeSpec(name="generic", target="reelbase.contracts.htype:Htype", codecs=("raw", "image"))]


@hookimpl
def reelbase_credential_providers() -> list[CredentialSpec]:
    """Declare ``env``, the service's default credential chain, and ``memory``, credentials that a program passes."""
    return [
        CredentialSpec(name="env", target="reelbase.credentials.providers:EnvironmentProvider"),
        CredentialSpec(name="memory", target="reelbase.credentials.providers:MemoryProvider"),
    ]

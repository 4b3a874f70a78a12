"""What core offers with no plugin installed: storage in memory, plain arrays, credentials that need no library."""

from __future__ import annotations

from reelbase.plugin import CredentialSpec, HtypeSpec, StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """``mem://name``."""
    return [StorageSpec(name="memory", target="reelbase.builtin.memory:MemoryStorage", schemes=("mem",))]


@hookimpl
def reelbase_htypes() -> list[HtypeSpec]:
    """``generic``: arrays of numbers."""
    return [HtypeSpec(name="generic", target="reelbase.contracts.htype:Htype", codecs=("raw", "image"))]


@hookimpl
def reelbase_credential_providers() -> list[CredentialSpec]:
    """``env``: what the services' own tools find. ``memory``: what a program gives."""
    return [
        CredentialSpec(name="env", target="reelbase.credentials.providers:EnvironmentProvider"),
        CredentialSpec(name="memory", target="reelbase.credentials.providers:MemoryProvider"),
    ]

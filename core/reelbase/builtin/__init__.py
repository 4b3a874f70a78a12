"""What core offers with no plugin installed: storage in memory and plain arrays."""

from __future__ import annotations

from reelbase.plugin import HtypeSpec, StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """``mem://name``."""
    return [StorageSpec(name="memory", target="reelbase.builtin.memory:MemoryStorage", schemes=("mem",))]


@hookimpl
def reelbase_htypes() -> list[HtypeSpec]:
    """``generic``: arrays of numbers."""
    return [HtypeSpec(name="generic", target="reelbase.htype:Htype", codecs=("raw", "image"))]

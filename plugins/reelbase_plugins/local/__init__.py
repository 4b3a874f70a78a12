"""Files on local disk: plain paths and ``file://`` URLs."""

from __future__ import annotations

from reelbase.plugin import StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """Return the storage for ``file://`` and for paths without a scheme."""
    return [
        StorageSpec(name="local", target="reelbase_plugins.local.storage:LocalStorage", schemes=("file",)),
    ]

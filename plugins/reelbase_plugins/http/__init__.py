"""Files on web servers, read-only: ``http://`` and ``https://`` URLs."""

from __future__ import annotations

from reelbase.plugin import StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """Return the storage for ``http://`` and ``https://``."""
    return [
        StorageSpec(
            name="http",
            target="reelbase_plugins.http.storage:HttpStorage",
            schemes=("http", "https"),
            requires=("urllib3", "tenacity"),
            install="reelbase[http]",
            guard="network",
        ),
    ]

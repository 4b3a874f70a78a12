"""Google Cloud Storage: ``gs://bucket/key`` or ``gcs://bucket/key``."""

from __future__ import annotations

from reelbase.plugin import StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """Return the storage for ``gs://`` and ``gcs://``."""
    return [
        StorageSpec(
            name="gcs",
            target="reelbase_plugins.gcs.storage:GcsStorage",
            schemes=("gs", "gcs"),
            requires=("gcsfs", "tenacity"),
            install="reelbase[gcs]",
            nobody={"anonymous": True},
            one_service=True,
        ),
    ]

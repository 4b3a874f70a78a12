"""Amazon S3 and compatible services: ``s3://bucket/key``."""

from __future__ import annotations

from reelbase.plugin import StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """Return the storage for ``s3://``."""
    return [
        StorageSpec(
            name="s3",
            target="reelbase_plugins.s3.storage:S3Storage",
            schemes=("s3",),
            requires=("s3fs", "tenacity"),
            install="reelbase[s3]",
            nobody={"anonymous": True},
            one_service=True,
        ),
    ]

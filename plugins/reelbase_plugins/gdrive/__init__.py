"""Google Drive: ``gdrive://<id>[/path]`` and share links."""

from __future__ import annotations

from reelbase.plugin import StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """``gdrive://``."""
    return [
        StorageSpec(
            name="gdrive",
            target="reelbase_plugins.gdrive.storage:DriveStorage",
            schemes=("gdrive",),
            requires=("googleapiclient", "google.auth", "tenacity"),
            install="reelbase[gdrive]",
        ),
    ]

"""Google Drive: ``gdrive://<id>[/path]`` and share links."""

from __future__ import annotations

from reelbase.plugin import StorageSpec, hookimpl


@hookimpl
def reelbase_storages() -> list[StorageSpec]:
    """Return the storage for ``gdrive://``."""
    return [
        StorageSpec(
            name="gdrive",
            target="reelbase_plugins.gdrive.storage:DriveStorage",
            schemes=("gdrive",),
            requires=("googleapiclient", "google.auth", "tenacity"),
            install="reelbase[gdrive]",
            nobody={"anonymous": True},
            one_service=True,
        ),
    ]


@hookimpl
def reelbase_normalize_url(url: str) -> str | None:
    """Turn a link from Drive's "Share" dialog into ``gdrive://<id>``; None for other URLs."""
    if "google.com" not in url.lower():
        return None
    from reelbase_plugins.gdrive.urls import convert_share_link

    return convert_share_link(url)

"""What this plugin offers. Keep this module light: it is imported by everyone who uses reelbase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.plugin import HtypeSpec, StorageSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def reelbase_storages() -> Iterator[StorageSpec]:
    """``vault://file.db``."""
    yield StorageSpec(name="vault", target="reelbase_vault.storage:VaultStorage", schemes=("vault",))


@hookimpl
def reelbase_htypes() -> Iterator[HtypeSpec]:
    """``keypoints``."""
    yield HtypeSpec(name="keypoints", target="reelbase_vault.keypoints:Keypoints")

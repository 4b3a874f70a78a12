"""The only door for plugin authors: hook marker, specs, hook specifications, contracts and value types.

A plugin is a module named by an entry point of the group ``reelbase``. Its hooks *declare* things with small specs
that say where the class is; the class is imported when it is first used, so the module itself must stay light::

    from reelbase.plugin import StorageSpec, hookimpl

    @hookimpl
    def reelbase_storages():
        yield StorageSpec(name="vault", target="reelbase_vault.storage:VaultStorage", schemes=("vault",))
"""

from __future__ import annotations

import pluggy

from reelbase._util.forks import call_after_fork
from reelbase._util.printable import printable
from reelbase._util.processes import kill_group
from reelbase._util.scheduling import ordinary_scheduling
from reelbase._util.urls import redacted, redacted_text
from reelbase.contracts.codec import Codec, Ingested, WebClip, WebStream
from reelbase.contracts.credentials import CredentialProvider, CredentialRequest, Credentials
from reelbase.contracts.htype import Htype, as_array, brief
from reelbase.contracts.specs import CodecSpec, CommandSpec, CredentialSpec, HtypeSpec, Spec, StorageSpec, ViewerSpec
from reelbase.contracts.storage import Stat, Storage
from reelbase.contracts.viewer import (
    Overview,
    RowCard,
    RowDetails,
    RowPage,
    Shown,
    ShownTensor,
    ShownVersion,
    Start,
    StoredVideo,
    Viewer,
    ViewerSource,
)
from reelbase.io.blob import Blob, BytesSource
from reelbase.media.frame_index import Flag, FrameIndex, Plan, Run, Trust
from reelbase.media.media_info import Limits, MediaInfo
from reelbase.media.sample import Encode, Link, Sample

PROJECT = "reelbase"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

__all__ = [
    "Blob",
    "BytesSource",
    "Codec",
    "CodecSpec",
    "CommandSpec",
    "CredentialProvider",
    "CredentialRequest",
    "CredentialSpec",
    "Credentials",
    "Encode",
    "Flag",
    "FrameIndex",
    "Hooks",
    "Htype",
    "HtypeSpec",
    "Ingested",
    "Limits",
    "Link",
    "MediaInfo",
    "Overview",
    "Plan",
    "RowCard",
    "RowDetails",
    "RowPage",
    "Run",
    "Sample",
    "Shown",
    "ShownTensor",
    "ShownVersion",
    "Spec",
    "Start",
    "Stat",
    "Storage",
    "StorageSpec",
    "StoredVideo",
    "Trust",
    "Viewer",
    "ViewerSource",
    "ViewerSpec",
    "WebClip",
    "WebStream",
    "as_array",
    "brief",
    "call_after_fork",
    "hookimpl",
    "hookspec",
    "kill_group",
    "ordinary_scheduling",
    "printable",
    "redacted",
    "redacted_text",
]  # fmt: skip


class Hooks:
    """The hooks a plugin may implement. All are collected; arguments are only ever added."""

    @hookspec
    def reelbase_storages(self) -> list[StorageSpec]:
        """Storages: one `StorageSpec` for each class that reads and writes a scheme."""
        raise AssertionError

    @hookspec
    def reelbase_codecs(self) -> list[CodecSpec]:
        """Codecs: one `CodecSpec` for each encoded form of a sample."""
        raise AssertionError

    @hookspec
    def reelbase_htypes(self) -> list[HtypeSpec]:
        """Htypes: one `HtypeSpec` for each kind of item."""
        raise AssertionError

    @hookspec
    def reelbase_credential_providers(self) -> list[CredentialSpec]:
        """Credential providers: one `CredentialSpec` for each place that credentials come from."""
        raise AssertionError

    @hookspec
    def reelbase_viewers(self) -> list[ViewerSpec]:
        """Viewers: one `ViewerSpec` for each way to show videos to a person."""
        raise AssertionError

    @hookspec
    def reelbase_commands(self) -> list[CommandSpec]:
        """Commands: one `CommandSpec` for each subcommand added to ``reelbase`` on the command line."""
        raise AssertionError

    @hookspec(firstresult=True)
    def reelbase_normalize_url(self, url: str) -> str | None:
        """Turn a URL of a service's own making (a share link, say) into one a storage knows; None: not mine."""
        raise AssertionError

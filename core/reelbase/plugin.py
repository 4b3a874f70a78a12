"""Everything that plugin authors import: the hook marker, specs, hook specifications, contracts and value types.

A plugin is a module named by an entry point of the group ``reelbase``. Its hooks *declare* things with small specs
that name a class. The class is imported when it is first used, so the module itself must import nothing heavy::

    from reelbase.plugin import StorageSpec, hookimpl

    @hookimpl
    def reelbase_storages():
        yield StorageSpec(name="vault", target="reelbase_vault.storage:VaultStorage", schemes=("vault",))
"""

from __future__ import annotations

import pluggy

from reelbase._util.forks import call_after_fork
from reelbase._util.log_secrets import redacted_logs
from reelbase._util.printable import printable
from reelbase._util.processes import kill_group
from reelbase._util.scheduling import ordinary_scheduling
from reelbase._util.threads import thread_limit
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
from reelbase.media.pixels import PIXEL_FORMS, PixelForm
from reelbase.media.sample import Encode, Link, Sample
from reelbase.selection.value_types import (
    AnyValue,
    ArrayOf,
    Boolean,
    ClassName,
    Field,
    ListOf,
    Number,
    Record,
    Text,
    ValueType,
)

PROJECT = "reelbase"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

__all__ = [
    "PIXEL_FORMS",
    "AnyValue",
    "ArrayOf",
    "Blob",
    "Boolean",
    "BytesSource",
    "ClassName",
    "Codec",
    "CodecSpec",
    "CommandSpec",
    "CredentialProvider",
    "CredentialRequest",
    "CredentialSpec",
    "Credentials",
    "Encode",
    "Field",
    "Flag",
    "FrameIndex",
    "Hooks",
    "Htype",
    "HtypeSpec",
    "Ingested",
    "Limits",
    "Link",
    "ListOf",
    "MediaInfo",
    "Number",
    "Overview",
    "PixelForm",
    "Plan",
    "Record",
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
    "Text",
    "Trust",
    "ValueType",
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
    "redacted_logs",
    "redacted_text",
    "thread_limit",
]  # fmt: skip


class Hooks:
    """The hooks that a plugin may implement.

    The results of all plugins are collected. A new version of reelbase may add arguments to a hook, but removes none.
    """

    @hookspec
    def reelbase_storages(self) -> list[StorageSpec]:
        """Return one `StorageSpec` for each storage class, with the URL schemes that it serves."""
        raise AssertionError

    @hookspec
    def reelbase_codecs(self) -> list[CodecSpec]:
        """Return one `CodecSpec` for each encoded form of a sample."""
        raise AssertionError

    @hookspec
    def reelbase_htypes(self) -> list[HtypeSpec]:
        """Return one `HtypeSpec` for each kind of item."""
        raise AssertionError

    @hookspec
    def reelbase_credential_providers(self) -> list[CredentialSpec]:
        """Return one `CredentialSpec` for each source of credentials."""
        raise AssertionError

    @hookspec
    def reelbase_viewers(self) -> list[ViewerSpec]:
        """Return one `ViewerSpec` for each way to show videos to a person."""
        raise AssertionError

    @hookspec
    def reelbase_commands(self) -> list[CommandSpec]:
        """Return one `CommandSpec` for each subcommand to add to ``reelbase`` on the command line."""
        raise AssertionError

    @hookspec(firstresult=True)
    def reelbase_normalize_url(self, url: str) -> str | None:
        """Rewrite a service's own URL, such as a share link, into a URL that a storage serves; None if it is another's.

        Args:
            url: Any URL that the user passed.
        """
        raise AssertionError

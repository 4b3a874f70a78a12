"""The registry: finds plugins, checks them, turns names and URLs into classes, and explains what is missing.

`registry()` returns the registry of this process. It loads every installed plugin once, on first use. That is quick:
a plugin is a small module that only declares things. It does not change afterwards, so all threads share it::

    registry().htypes.load("bbox")                       a class, by name; also .storages, .codecs, …
    registry().open_storage("mem://demo")                a Storage, for a dataset
    registry().locate("videos/a.mp4")                    (Storage, key), for one file
    registry().sniff(first_bytes, "a.mp4").ingest(…)     a Codec, by content
    registry().failures()                                what is wrong with plugins

A plugin that fails is skipped, so that one broken plugin does not stop the others. A warning is logged once (logger
``reelbase.registry``), and the error of every lookup that finds nothing names the plugin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reelbase._util.once import Once
from reelbase.config import settings
from reelbase.contracts.codec import Codec
from reelbase.contracts.credentials import CredentialProvider
from reelbase.contracts.htype import Htype
from reelbase.contracts.storage import Storage
from reelbase.contracts.viewer import Viewer
from reelbase.media.media_info import Limits
from reelbase.registry import _sniff
from reelbase.registry._kind import Description, Kind, Offer, is_installed
from reelbase.registry._loading import Failure, Plugin, load_plugins

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping, Sequence

    from reelbase.config import Settings
    from reelbase.contracts.credentials import Credentials
    from reelbase.contracts.specs import CodecSpec, CommandSpec, CredentialSpec, HtypeSpec, StorageSpec, ViewerSpec

__all__ = ["Failure", "Kind", "Offer", "Plugin", "Registry", "is_installed", "registry", "reset", "scheme_of"]

FILE = "file"

_STORAGE: Description[StorageSpec, type[Storage]] = Description(
    label="storage",
    hook="reelbase_storages",
    contract=Storage,
    needs=lambda spec: f"{spec.schemes[0]}:// URLs need",
)
_CODEC: Description[CodecSpec, type[Codec]] = Description(
    label="codec", hook="reelbase_codecs", contract=Codec, needs=lambda spec: f"{spec.name} samples need"
)
_HTYPE: Description[HtypeSpec, type[Htype]] = Description(
    label="htype", hook="reelbase_htypes", contract=Htype, needs=lambda spec: f"The htype {spec.name!r} needs"
)
_CREDENTIALS: Description[CredentialSpec, type[CredentialProvider]] = Description(
    label="provider",
    hook="reelbase_credential_providers",
    contract=CredentialProvider,
    needs=lambda spec: f"Credentials of {spec.name!r} need",
)
_VIEWER: Description[ViewerSpec, type[Viewer]] = Description(
    label="viewer", hook="reelbase_viewers", contract=Viewer, needs=lambda spec: f"The viewer {spec.name!r} needs"
)
_COMMAND: Description[CommandSpec, Callable[[argparse.ArgumentParser], None]] = Description(
    label="command", hook="reelbase_commands", contract=None, needs=lambda spec: f"`reelbase {spec.name}` needs"
)


class Registry:
    """The storages, codecs, htypes, … that a set of plugins offers.

    Attributes:
        plugins: Every plugin that was found, also those that failed or are denied.
        storages, codecs, htypes, credentials, viewers, commands: The offers of each kind; see `Kind`.
    """

    def __init__(self, plugins: Sequence[Plugin], settings: Settings) -> None:
        self.plugins = tuple(plugins)
        self.storages = Kind(_STORAGE, self.plugins, settings.prefer)
        self.codecs = Kind(_CODEC, self.plugins, settings.prefer)
        self.htypes = Kind(_HTYPE, self.plugins, settings.prefer)
        self.credentials = Kind(_CREDENTIALS, self.plugins, settings.prefer)
        self.viewers = Kind(_VIEWER, self.plugins, settings.prefer)
        self.commands = Kind(_COMMAND, self.plugins, settings.prefer)
        self._options = settings.storage
        self._limits = Limits(
            max_pixels=settings.security.max_pixels,
            max_frames=settings.security.max_frames,
            threads=settings.threads,
        )
        self._isolated = settings.security.isolate_decode
        self._codecs: dict[str, Codec] = {}

    def failures(self) -> list[Failure]:
        """Return everything that is wrong with plugins, and which plugins were not allowed."""
        return [failure for plugin in self.plugins for failure in plugin.failures]

    def normalize(self, url: str) -> str:
        """Return the URL with its scheme in lower case, rewritten by a plugin if it is, for example, a share link.

        The answer of the first plugin that knows the URL is used (hook ``reelbase_normalize_url``); it is not
        rewritten again. A plain path is returned as it is.
        """
        if not _SCHEME.match(url):
            return url
        for plugin in self.plugins:
            answer = plugin.call("reelbase_normalize_url", url=url)
            if isinstance(answer, str):
                url = answer
                break
            if answer is not None:
                plugin.fail(f"gave {answer!r} in reelbase_normalize_url, not a str.")
        scheme = _SCHEME.match(url)
        return url if scheme is None else scheme[1].lower() + url[scheme.end(1) :]

    def storage_for(self, url: str) -> tuple[type[Storage], StorageSpec]:
        """Return the storage class for a URL or path, and its spec.

        Args:
            url: A URL that `normalize` returned, or a path.

        Raises:
            PluginNotFoundError: no plugin handles the URL's scheme.
            PluginConflictError, MissingDependencyError, PluginLoadError: as `Kind.load`.
        """
        scheme = scheme_of(url)
        offers = [offer for offer in self.storages.offers if scheme in offer.spec.schemes]
        if not offers:
            known = sorted({name for spec in self.storages.specs() for name in spec.schemes})
            what = f"{scheme}:// URLs" if _SCHEME.match(url) else f"local paths such as {url!r}"
            raise self.storages.missing_error(f"No installed plugin handles {what}", scheme, known)
        spec = self.storages.choose(scheme, offers).spec
        return self.storages.load(spec.name, needs=f"{scheme}:// URLs need"), spec

    def open_storage(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> Storage:
        """Return the storage of a dataset.

        Args:
            root: A folder, or the URL of one.
            options: Options of the storage; they take precedence over the configuration's ``[storage.<name>]``.
            credentials: Credentials for the service; see `Storage`.

        Raises:
            PluginError: as `storage_for`.
        """
        root = self.normalize(root)
        kind, spec = self.storage_for(root)
        return self._open(kind, spec, root, options, credentials)

    def locate(
        self, url: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> tuple[Storage, str]:
        """Return the storage of one file, and the file's key in it. Nothing is read.

        Args:
            url: The file's path or URL.
            options: Options of the storage; they take precedence over the configuration's ``[storage.<name>]``.
            credentials: Credentials for the service; see `Storage`.

        Raises:
            PluginError: as `storage_for`.
        """
        url = self.normalize(url)
        kind, spec = self.storage_for(url)
        root, key = kind.locate(url)
        return self._open(kind, spec, root, options, credentials), key

    def options_of(self, spec: StorageSpec, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the configuration's options of a storage; `options` takes precedence over them."""
        return {**self._options.get(spec.name, {}), **(options or {})}

    def codec(self, name: str) -> Codec:
        """Return the codec of that name, with the limits of the configuration; the same object at every call.

        Raises:
            PluginError: as `Kind.load`.
        """
        if name not in self._codecs:
            kind = self.codecs.load(name)
            if self._isolated:
                from reelbase.isolation.isolated_codec import isolate

                kind = isolate(kind)
            self._codecs[name] = kind(name, limits=self._limits)
        return self._codecs[name]

    def sniff(self, head: bytes, filename: str, kinds: Collection[str] | None = None) -> Codec:
        """Return the codec for a file, chosen by the file's first bytes.

        Args:
            head: The first 4096 bytes of the file, or all of a shorter file.
            filename: The file's name. Its suffix decides between codecs that all claim the bytes; shown in messages.
            kinds: Consider only codecs of these kinds (`CodecSpec.kind`); None considers all.

        Raises:
            UnknownFormatError: no codec claims the bytes.
            MissingDependencyError: a codec does, and a package that it requires is not installed.
        """
        spec = _sniff.choose(self.codecs, head, filename, kinds)
        self.codecs.load(spec.name, needs=_sniff.describe_need(filename, spec))
        return self.codec(spec.name)

    def _open(
        self,
        kind: type[Storage],
        spec: StorageSpec,
        root: str,
        options: Mapping[str, Any] | None,
        credentials: Credentials | None,
    ) -> Storage:
        return kind(root, options=self.options_of(spec, options), credentials=credentials)


# One letter before the colon is a Windows drive; "a::b://" chains of schemes are not URLs here.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def scheme_of(url: str) -> str:
    """Return the URL's scheme in lower case; "file" for a plain path, also one with a drive letter."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else FILE


def _load() -> Registry:
    return Registry(load_plugins(settings().plugins), settings())


_registry = Once(_load)


def registry() -> Registry:
    """Return the registry of this process. It is made on first use.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return _registry()


def reset() -> None:
    """Find plugins again on the registry's next use; for tests and notebooks."""
    _registry.forget()

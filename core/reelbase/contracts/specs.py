"""Specs: small values with which a plugin declares a class or function without importing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Magic = tuple[tuple[tuple[int, bytes], ...], ...]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One class or function that a plugin offers.

    Attributes:
        name: The name by which users choose it; unique among the specs of its kind.
        target: ``"package.module:Name"``, imported on first use.
        requires: Import names of packages that `target` needs. They are looked up, not imported, before `target` is.
        install: What to install if one of `requires` is missing, such as ``"reelbase[av]"``.
    """

    name: str
    target: str
    requires: tuple[str, ...] = ()
    install: str | None = None


@dataclass(frozen=True, kw_only=True)
class StorageSpec(Spec):
    """A `Storage` class and the URL schemes it serves.

    Attributes:
        schemes: The URL schemes, in lower case, such as ``("gs", "gcs")``.
        nobody: Options that make requests anonymous, for services whose libraries otherwise use any credentials that
            they find on the machine.
        one_service: True if URLs name no host, so that requests always go to the same service. Credentials without
            prefixes are then safe: no URL can send them to another host.
        guard: Name of the storage's option that limits the addresses it connects to. Its value is that of
            ``[security] network``: "public", or networks such as ``10.2.0.0/16`` separated by commas. If a storage has
            no such option, its links are refused where the user limits the network.
    """

    schemes: tuple[str, ...]
    nobody: Mapping[str, Any] = field(default_factory=dict, hash=False)
    one_service: bool = False
    guard: str = ""


@dataclass(frozen=True, kw_only=True)
class CodecSpec(Spec):
    """A `Codec` class, and how its files are recognized.

    Attributes:
        suffixes: File suffixes with their dots, the usual one first.
        media_types: IANA media types of the files.
        magic: Alternatives. Each is a tuple of ``(offset, bytes)`` pairs that must all match the first 4096 bytes of
            a file. The codec with the longest match is used whose class claims the file (`Codec.claims`).
        probe: True if not all of its files start with fixed bytes: `Codec.claims` is also called if no magic matches.
        refusal: For a format that is recognised only to be refused, whatever the htype: what the file is and what to
            do instead, such as ``("an animated WebP", "Convert it to mp4.")``. None for all others.
        kind: The kind of sample, such as "video" or "image". Htypes list the kinds that they can hold.
    """

    suffixes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    magic: Magic = ()
    probe: bool = False
    refusal: tuple[str, str] | None = None
    kind: str = "other"

    def match(self, head: bytes) -> int:
        """Return the number of magic bytes of the longest alternative that matches `head`; 0 if none does."""
        lengths = [
            sum(len(expected) for _, expected in alternative)
            for alternative in self.magic
            if all(head[at : at + len(expected)] == expected for at, expected in alternative)
        ]
        return max(lengths, default=0)


@dataclass(frozen=True, kw_only=True)
class HtypeSpec(Spec):
    """An `Htype` class.

    Attributes:
        codecs: The kinds of codec (`CodecSpec.kind`) that items can be stored with; "raw" is the plain array.
    """

    codecs: tuple[str, ...] = ("raw",)


@dataclass(frozen=True, kw_only=True)
class CredentialSpec(Spec):
    """A `CredentialProvider` class. Its name is the value of ``provider`` in a table ``[credentials.<name>]``."""


@dataclass(frozen=True, kw_only=True)
class ViewerSpec(Spec):
    """A `Viewer` class.

    Attributes:
        environment: Where the viewer opens: "browser" or "notebook".
    """

    environment: str = "browser"


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """A subcommand. `target` is a function ``(parser: argparse.ArgumentParser) -> None``.

    The function adds arguments, and sets the default ``run`` to the function that carries out the command.

    Attributes:
        help: One line for ``reelbase --help``.
    """

    help: str

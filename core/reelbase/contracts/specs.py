"""Specs: how a plugin declares a thing without importing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Magic = tuple[tuple[tuple[int, bytes], ...], ...]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One thing that a plugin offers.

    Attributes:
        name: Unique within its kind.
        target: ``"package.module:Name"``, imported on first use.
        requires: Import names looked up before `target` is imported.
        install: What to install when one of `requires` is missing, such as ``"reelbase[av]"``.
    """

    name: str
    target: str
    requires: tuple[str, ...] = ()
    install: str | None = None


@dataclass(frozen=True, kw_only=True)
class StorageSpec(Spec):
    """A `Storage` class and the URL schemes it serves.

    Attributes:
        nobody: Options that make requests anonymous, for services that would otherwise use credentials they find.
        one_service: Its URLs name no host: requests go to one service, wherever a URL comes from, and credentials
            without prefixes cannot be led elsewhere.
        guard: The option that keeps it to some addresses, as ``[security] network`` says: "public", or networks such as
            ``10.2.0.0/16`` with commas between. Without one its links are refused where the user limits the network.
    """

    schemes: tuple[str, ...]
    nobody: Mapping[str, Any] = field(default_factory=dict, hash=False)
    one_service: bool = False
    guard: str = ""


@dataclass(frozen=True, kw_only=True)
class CodecSpec(Spec):
    """A `Codec` class and how to tell its samples.

    Attributes:
        suffixes: File suffixes with their dots, the usual one first.
        media_types: IANA media types.
        magic: Alternatives; each a conjunction of ``(offset, bytes)`` that must all match the first 4096 bytes.
            The longest match wins whose class claims the file (`Codec.claims`).
        probe: No fixed bytes mark all of its files: the class is also asked (`Codec.claims`) if no magic matches.
        refusal: What the file is and what to do instead, such as ``("an animated WebP", "Convert it to mp4.")``, for
            a format that is recognised only to be refused; None for all others. Not limited to its `kind`.
        kind: Htypes that may hold it name this kind, such as "video" or "image".
    """

    suffixes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    magic: Magic = ()
    probe: bool = False
    refusal: tuple[str, str] | None = None
    kind: str = "other"

    def match(self, head: bytes) -> int:
        """How many magic bytes of the best alternative match `head`; 0: none does."""
        return max((sum(len(b) for _, b in one) for one in self.magic if self._all(one, head)), default=0)

    @staticmethod
    def _all(conjunction: tuple[tuple[int, bytes], ...], head: bytes) -> bool:
        return all(head[at : at + len(want)] == want for at, want in conjunction)


@dataclass(frozen=True, kw_only=True)
class HtypeSpec(Spec):
    """An `Htype` class.

    Attributes:
        codecs: Kinds of codec (`CodecSpec.kind`) its items may be stored with; "raw" is the plain array.
    """

    codecs: tuple[str, ...] = ("raw",)


@dataclass(frozen=True, kw_only=True)
class CredentialSpec(Spec):
    """A `CredentialProvider` class; `name` is what ``provider`` says in a table ``[credentials.<name>]``."""


@dataclass(frozen=True, kw_only=True)
class ViewerSpec(Spec):
    """A `Viewer` class.

    Attributes:
        environment: Where it shows: "browser" or "notebook".
    """

    environment: str = "browser"


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """A subcommand; `target` is a function ``(parser: argparse.ArgumentParser) -> None`` that sets ``run``.

    Attributes:
        help: One line for ``reelbase --help``.
    """

    help: str

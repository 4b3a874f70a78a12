"""Which codec a file is for, by its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from reelbase.contracts.codec import Codec
    from reelbase.contracts.specs import CodecSpec
    from reelbase.registry._kind import Kind

HEAD = 4096
MAX_BYTES_SHOWN = 16


def choose(
    codecs: Kind[CodecSpec, type[Codec]], head: bytes, filename: str, kinds: Collection[str] | None
) -> CodecSpec:
    """The spec whose magic matches the most bytes; equals are asked (`Codec.claims`), then the file's suffix counts.

    Raises:
        UnknownFormatError: no codec of these kinds claims the bytes.
        MissingDependencyError: one may, and a package it requires is not installed.
    """
    head = head[:HEAD]
    specs = [spec for spec in codecs.specs() if kinds is None or spec.kind in kinds]
    for score in sorted({spec.match(head) for spec in specs} - {0}, reverse=True):
        tied = [spec for spec in specs if spec.match(head) == score]
        if found := tied if len(tied) == 1 else _claiming(codecs, tied, head, filename):
            return min(found, key=lambda spec: not _has_suffix(filename, spec))  # the first of equals
    raise _unknown(codecs.specs(), specs, head, filename)


def needs(filename: str, spec: CodecSpec) -> str:
    """How the message about a missing dependency starts."""
    return f"{filename!r} ({spec.name}) needs"


def _claiming(
    codecs: Kind[CodecSpec, type[Codec]], tied: Sequence[CodecSpec], head: bytes, filename: str
) -> list[CodecSpec]:
    return [spec for spec in tied if codecs.load(spec.name, needs=needs(filename, spec)).claims(head)]


def _has_suffix(filename: str, spec: CodecSpec) -> bool:
    name = filename.lower()
    return name.endswith(spec.suffixes) or name.partition("?")[0].endswith(spec.suffixes)


def _unknown(every: Sequence[CodecSpec], wanted: Sequence[CodecSpec], head: bytes, filename: str) -> UnknownFormatError:
    known = f"Known formats: {', '.join(spec.name for spec in wanted) or 'none'}."
    if not head:
        return UnknownFormatError(f"{filename!r} is empty.", "Check where it comes from.")
    others = (spec for spec in every if spec not in wanted)
    other = max(others, key=lambda spec: spec.match(head), default=None)
    if other is not None and other.match(head):
        return UnknownFormatError(
            f"{filename!r} looks like {other.name} ({other.kind}), which cannot be used here.", known
        )
    shown = head[:MAX_BYTES_SHOWN].hex(" ") + (" …" if len(head) > MAX_BYTES_SHOWN else "")
    return UnknownFormatError(f"{filename!r} is of no known format; it starts with {shown}", known)

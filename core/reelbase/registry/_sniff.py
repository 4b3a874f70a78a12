"""Which codec a file is for, by its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import MissingDependencyError, UnknownFormatError

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
    """Choose the codec of a file.

    The spec wins whose magic matches the most bytes and whose class claims the file (`Codec.claims`); between several
    the file's suffix counts. Where no magic matches, the classes of specs with `CodecSpec.probe` are asked.

    Raises:
        UnknownFormatError: no codec of these kinds claims the bytes, or the format is known and refused.
        MissingDependencyError: one may, and a package it requires is not installed.
    """
    head = head[:HEAD]
    specs = [spec for spec in codecs.specs() if kinds is None or spec.kind in kinds or spec.refusal]
    for score in sorted({spec.match(head) for spec in specs} - {0}, reverse=True):
        matching = [spec for spec in specs if spec.match(head) == score]
        if found := _claiming(codecs, matching, head, filename):
            return _prefer(found, filename)
    if found := _probing(codecs, specs, head):
        return _prefer(found, filename)
    others = [spec for spec in codecs.specs() if spec not in specs]
    raise _unknown(_find_other(codecs, others, head), specs, head, filename)


def needs(filename: str, spec: CodecSpec) -> str:
    """How the message about a missing dependency starts."""
    return f"{filename!r} ({spec.name}) needs"


def _claiming(
    codecs: Kind[CodecSpec, type[Codec]], tied: Sequence[CodecSpec], head: bytes, filename: str
) -> list[CodecSpec]:
    return [spec for spec in tied if codecs.load(spec.name, needs=needs(filename, spec)).claims(head)]


def _probing(codecs: Kind[CodecSpec, type[Codec]], specs: Sequence[CodecSpec], head: bytes) -> list[CodecSpec]:
    """Ask the classes of formats without magic. One that cannot be imported here cannot be asked, and says no."""
    return [spec for spec in specs if spec.probe and head and _is_claimed(codecs, spec, head)]


def _is_claimed(codecs: Kind[CodecSpec, type[Codec]], spec: CodecSpec, head: bytes) -> bool:
    try:
        return codecs.load(spec.name).claims(head)
    except MissingDependencyError:
        return False


def _find_other(codecs: Kind[CodecSpec, type[Codec]], others: Sequence[CodecSpec], head: bytes) -> CodecSpec | None:
    """Find a codec, among those that may not be used, that the file is for."""
    best_first = sorted(others, key=lambda spec: -spec.match(head))
    return next((spec for spec in best_first if spec.match(head) and _is_claimed(codecs, spec, head)), None)


def _prefer(found: Sequence[CodecSpec], filename: str) -> CodecSpec:
    """Return the first with the file's suffix, or the first. A codec that reads a format wins over a refusal of it.

    Raises:
        UnknownFormatError: the format is known and refused.
    """
    chosen = min(found, key=lambda spec: (bool(spec.refusal), not _has_suffix(filename, spec)))
    if chosen.refusal:
        what, way = chosen.refusal
        raise UnknownFormatError(f"{filename!r} is {what}, which cannot be read.", way)
    return chosen


def _has_suffix(filename: str, spec: CodecSpec) -> bool:
    name = filename.lower()
    return name.endswith(spec.suffixes) or name.partition("?")[0].endswith(spec.suffixes)


def _unknown(other: CodecSpec | None, wanted: Sequence[CodecSpec], head: bytes, filename: str) -> UnknownFormatError:
    usable = [spec.name for spec in wanted if not spec.refusal]
    known = f"Known formats: {', '.join(usable) or 'none'}."
    if not head:
        return UnknownFormatError(f"{filename!r} is empty.", "Check where it comes from.")
    if other is not None:
        return UnknownFormatError(
            f"{filename!r} looks like {other.name} ({other.kind}), which cannot be used here.", known
        )
    shown = head[:MAX_BYTES_SHOWN].hex(" ") + (" …" if len(head) > MAX_BYTES_SHOWN else "")
    return UnknownFormatError(f"{filename!r} is of no known format; it starts with {shown}", known)

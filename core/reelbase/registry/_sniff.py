"""Choose the codec of a file by the file's first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import MissingDependencyError, UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from reelbase.contracts.codec import Codec
    from reelbase.contracts.specs import CodecSpec
    from reelbase.registry._kind import Kind

HEAD_BYTES = 4096
MAX_BYTES_SHOWN = 16


def choose(
    codecs: Kind[CodecSpec, type[Codec]], head: bytes, filename: str, kinds: Collection[str] | None
) -> CodecSpec:
    """Return the spec whose magic matches the most bytes, of those whose class claims the file (`Codec.claims`).

    Of several with equal matches (mkv and webm), the file's suffix decides. If no magic matches, the classes of specs
    with `CodecSpec.probe` are asked.

    Args:
        codecs: All codecs.
        head: The first bytes of the file.
        filename: The file's name, for its suffix and for messages.
        kinds: Consider only codecs of these kinds (`CodecSpec.kind`), and refusals; None considers all.

    Raises:
        UnknownFormatError: no codec of these kinds claims the bytes, or the format is known and refused.
        MissingDependencyError: a codec may claim them, and a package that it requires is not installed.
    """
    head = head[:HEAD_BYTES]
    specs = [spec for spec in codecs.specs() if kinds is None or spec.kind in kinds or spec.refusal]
    for score in sorted({spec.match(head) for spec in specs} - {0}, reverse=True):
        matching = [spec for spec in specs if spec.match(head) == score]
        if found := _filter_claiming(codecs, matching, head, filename):
            return _prefer(found, filename)
    if found := [spec for spec in specs if spec.probe and head and _is_claimed(codecs, spec, head)]:
        return _prefer(found, filename)
    others = [spec for spec in codecs.specs() if spec not in specs]
    raise _unknown_error(_find_other(codecs, others, head), specs, head, filename)


def describe_need(filename: str, spec: CodecSpec) -> str:
    """Return the start of the message about a missing dependency of a file's codec."""
    return f"{filename!r} ({spec.name}) needs"


def _filter_claiming(
    codecs: Kind[CodecSpec, type[Codec]], matching: Sequence[CodecSpec], head: bytes, filename: str
) -> list[CodecSpec]:
    return [spec for spec in matching if codecs.load(spec.name, needs=describe_need(filename, spec)).claims(head)]


def _is_claimed(codecs: Kind[CodecSpec, type[Codec]], spec: CodecSpec, head: bytes) -> bool:
    """Ask a class. One that cannot be imported here cannot be asked: the file counts as not claimed."""
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
    name = filename.lower()  # a name from a URL may have a query after the suffix
    return name.endswith(spec.suffixes) or name.partition("?")[0].endswith(spec.suffixes)


def _unknown_error(
    other: CodecSpec | None, wanted: Sequence[CodecSpec], head: bytes, filename: str
) -> UnknownFormatError:
    usable = [spec.name for spec in wanted if not spec.refusal]
    known = f"Known formats: {', '.join(usable) or 'none'}."
    if not head:
        return UnknownFormatError(f"{filename!r} is empty.", "Check that it was written or downloaded completely.")
    if other is not None:
        return UnknownFormatError(
            f"{filename!r} looks like {other.name} ({other.kind}), which cannot be used here.", known
        )
    shown = head[:MAX_BYTES_SHOWN].hex(" ") + (" …" if len(head) > MAX_BYTES_SHOWN else "")
    return UnknownFormatError(f"{filename!r} has an unknown format; it starts with {shown}", known)

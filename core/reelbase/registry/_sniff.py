"""Choose the codec of a file by the file's first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import UnknownFormatError

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
    """Return the spec whose magic matches the most bytes.

    If several match equally many (mkv and webm do), their classes decide (`Codec.claims`), then the file's suffix. Only
    then are codec modules imported.

    Args:
        codecs: All codecs.
        head: The first bytes of the file.
        filename: The file's name, for its suffix and for messages.
        kinds: Consider only codecs of these kinds (`CodecSpec.kind`); None considers all.

    Raises:
        UnknownFormatError: no codec of these kinds claims the bytes.
        MissingDependencyError: a codec may claim them, and a package that it requires is not installed.
    """
    head = head[:HEAD_BYTES]
    specs = [spec for spec in codecs.specs() if kinds is None or spec.kind in kinds]
    for score in sorted({spec.match(head) for spec in specs} - {0}, reverse=True):
        tied = [spec for spec in specs if spec.match(head) == score]
        if found := tied if len(tied) == 1 else _filter_claiming(codecs, tied, head, filename):
            return min(found, key=lambda spec: not _has_suffix(filename, spec))  # of several the first declared
    raise _unknown_error(codecs.specs(), specs, head, filename)


def describe_need(filename: str, spec: CodecSpec) -> str:
    """Return the start of the message about a missing dependency of a file's codec."""
    return f"{filename!r} ({spec.name}) needs"


def _filter_claiming(
    codecs: Kind[CodecSpec, type[Codec]], tied: Sequence[CodecSpec], head: bytes, filename: str
) -> list[CodecSpec]:
    return [spec for spec in tied if codecs.load(spec.name, needs=describe_need(filename, spec)).claims(head)]


def _has_suffix(filename: str, spec: CodecSpec) -> bool:
    name = filename.lower()  # a name from a URL may have a query after the suffix
    return name.endswith(spec.suffixes) or name.partition("?")[0].endswith(spec.suffixes)


def _unknown_error(
    every: Sequence[CodecSpec], wanted: Sequence[CodecSpec], head: bytes, filename: str
) -> UnknownFormatError:
    known = f"Known formats: {', '.join(spec.name for spec in wanted) or 'none'}."
    if not head:
        return UnknownFormatError(f"{filename!r} is empty.", "Check that it was written or downloaded completely.")
    others = (spec for spec in every if spec not in wanted)
    other = max(others, key=lambda spec: spec.match(head), default=None)
    if other is not None and other.match(head):
        return UnknownFormatError(
            f"{filename!r} looks like {other.name} ({other.kind}), which cannot be used here.", known
        )
    shown = head[:MAX_BYTES_SHOWN].hex(" ") + (" …" if len(head) > MAX_BYTES_SHOWN else "")
    return UnknownFormatError(f"{filename!r} has an unknown format; it starts with {shown}", known)

"""Writing pictures and clips to files, through whatever codec is installed for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.errors import UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from reelbase.contracts.specs import CodecSpec


def codec_for(path: Path) -> CodecSpec:
    """The codec whose files are named so.

    Raises:
        UsageError: there is none.
    """
    every = [spec for spec in registry().codecs.specs() if spec.kind in ("image", "video")]
    for spec in every:
        if path.suffix.lower() in spec.suffixes:
            return spec
    known = " ".join(sorted({suffix for spec in every for suffix in spec.suffixes}))
    raise UsageError(f"{str(path)!r} has no suffix of a picture or a clip.", f"Known are: {known or 'none'}.")


def write_picture(path: Path, array: NDArray[Any], **options: Any) -> None:
    """Encode an array as the path's suffix says, and write it.

    Raises:
        UsageError: the suffix or the array is of no use.
        MissingDependencyError: its codec needs a package that is not installed.
    """
    data = registry().codec(codec_for(path).name).encode(array, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

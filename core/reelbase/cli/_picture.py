"""Writing of pictures and clips to files, with the installed codecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.errors import UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from reelbase.contracts.specs import CodecSpec


def find_codec(path: Path) -> CodecSpec:
    """Find the codec for the suffix of a path.

    Raises:
        UsageError: no codec has this suffix.
    """
    codecs = [spec for spec in registry().codecs.specs() if spec.kind in ("image", "video")]
    for spec in codecs:
        if path.suffix.lower() in spec.suffixes:
            return spec
    known = " ".join(sorted({suffix for spec in codecs for suffix in spec.suffixes}))
    raise UsageError(
        f"{str(path)!r} does not have the suffix of a picture or a clip.", f"Known are: {known or 'none'}."
    )


def write_picture(path: Path, array: NDArray[Any], **options: Any) -> None:
    """Encode an array in the format of the path's suffix, and write it.

    Args:
        path: Path of the file; missing folders are created.
        array: A picture ``(H, W, 3)`` or frames ``(N, H, W, 3)``.
        options: Options of the codec.

    Raises:
        UsageError: no codec has this suffix, or it cannot encode the array.
        MissingDependencyError: the codec needs a package that is not installed.
    """
    data = registry().codec(find_codec(path).name).encode(array, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

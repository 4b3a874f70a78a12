"""Images: the codecs png and jpeg, which use PyAV, and the htype ``image``. Codecs are imported on first use.

Formats that cannot be read are recognised too, to say what to do with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.plugin import CodecSpec, HtypeSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


def _refuse(name: str, class_name: str, what: str, way: str, *alternatives: tuple[tuple[int, bytes], ...]) -> CodecSpec:
    """Make the specification of a format that is refused.

    Args:
        name: Name of the format.
        class_name: Name of the class in `image.refused` that recognises it.
        what: What such a file is.
        way: What to do with it.
        alternatives: Positions in the file and the bytes there.
    """
    target = f"reelbase_plugins.image.refused:{class_name}"
    return CodecSpec(name=name, target=target, magic=alternatives, kind="refused", refusal=(what, way))


_TO_PICTURE = "Convert it to PNG or JPEG, and append it to an image tensor."
_TO_VIDEO = "Convert it to APNG, GIF or mp4, and append it to a video tensor."
_WEBP = ((0, b"RIFF"), (8, b"WEBP"))
_REFUSED = (
    _refuse(
        "heif", "StillHeif", "a still picture (HEIF, such as HEIC or AVIF)", _TO_PICTURE,
        *(((4, b"ftyp" + brand),) for brand in (b"heic", b"heix", b"heim", b"mif1", b"avif")),
    ),
    _refuse("webp", "StillWebp", "a WebP picture", _TO_PICTURE, _WEBP),
    _refuse("animated webp", "AnimatedWebp", "an animated WebP", _TO_VIDEO, _WEBP),
)  # fmt: skip


@hookimpl
def reelbase_codecs() -> Iterator[CodecSpec]:
    """Return the specifications of the codecs png and jpeg, and of the formats that are refused."""
    yield CodecSpec(
        name="png",
        target="reelbase_plugins.image.png:PngCodec",
        requires=("av",),
        install="reelbase[av]",
        suffixes=(".png",),
        media_types=("image/png",),
        magic=(((0, b"\x89PNG\r\n\x1a\n"),),),
        kind="image",
    )
    yield CodecSpec(
        name="jpeg",
        target="reelbase_plugins.image.jpeg:JpegCodec",
        requires=("av",),
        install="reelbase[av]",
        suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
        media_types=("image/jpeg",),
        magic=(((0, b"\xff\xd8\xff"),),),
        kind="image",
    )
    yield from _REFUSED


@hookimpl
def reelbase_htypes() -> Iterator[HtypeSpec]:
    """Return the specification of the htype ``image``."""
    yield HtypeSpec(name="image", target="reelbase_plugins.image.htype:Image", codecs=("image",))

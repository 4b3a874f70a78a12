"""Images: the codecs png and jpeg, which use PyAV, and the htype ``image``. Codecs are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.plugin import CodecSpec, HtypeSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def reelbase_codecs() -> Iterator[CodecSpec]:
    """Return the specifications of the codecs png and jpeg."""
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


@hookimpl
def reelbase_htypes() -> Iterator[HtypeSpec]:
    """Return the specification of the htype ``image``."""
    yield HtypeSpec(name="image", target="reelbase_plugins.image.htype:Image", codecs=("image",))

"""The forms that pixels can be read in: the words of ``numpy(pixels=…)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reelbase.errors import UsageError

PLANES: Final = "yuv"  #: one array per plane, instead of one array


@dataclass(frozen=True)
class PixelForm:
    """What one picture is as an array ``(H, W, C)``.

    Attributes:
        channels: Length C of the last axis.
        dtype: Name of the dtype. Values go from 0 to its largest.
    """

    channels: int
    dtype: str


#: Word to form. A codec states which of these words it decodes to, in `Codec.pixels`.
PIXEL_FORMS: Final = {
    "rgb24": PixelForm(3, "uint8"),
    "rgba": PixelForm(4, "uint8"),
    "gray": PixelForm(1, "uint8"),
    "rgb48": PixelForm(3, "uint16"),
    "gray16": PixelForm(1, "uint16"),
}
PIXEL_WORDS: Final = (*PIXEL_FORMS, PLANES)


def check_pixels(pixels: object) -> str | None:
    """Return `pixels` if it is None or one of the words.

    Raises:
        UsageError: it is something else.
    """
    if pixels is None:
        return None
    if not isinstance(pixels, str) or pixels not in PIXEL_WORDS:
        shown = repr(pixels[:40]) if isinstance(pixels, str) else f"a {type(pixels).__name__}"
        raise UsageError(
            f"pixels={shown} is not one of {', '.join(map(repr, PIXEL_WORDS))}.",
            "Leave it out for 8-bit RGB, or for an image's own channels.",
        )
    return pixels


def shape_of_pixels(shape: tuple[int, ...], pixels: str | None) -> tuple[int, ...]:
    """Return the shape ``(…, H, W, C)`` of a sample that is decoded to the form `pixels`; None keeps its channels."""
    return shape if pixels is None else (*shape[:-1], PIXEL_FORMS[pixels].channels)

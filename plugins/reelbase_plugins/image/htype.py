"""The image htype: encoded files, or arrays that are encoded on append."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Encode, Htype, Sample, brief


class Image(Htype):
    """One image per item: a `Sample`, or a uint8 or uint16 array ``(H, W)`` or ``(H, W, C)`` to encode.

    An array ``(H, W)`` is shown as such; files of grey pictures are ``(H, W, 1)``.
    """

    name: ClassVar[str] = "image"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16")
    media: ClassVar[bool] = True

    def check(self, value: Any) -> Sample | Encode:
        """Return the sample, or the array wrapped for encoding.

        Raises:
            HtypeError: `value` is neither a sample nor an image array.
        """
        if isinstance(value, Sample):
            return value
        image = Encode(array=value) if isinstance(value, np.ndarray) else value
        if not isinstance(image, Encode) or image.array.ndim not in (2, 3) or image.array.dtype.name not in self.dtypes:
            raise HtypeError(f"An image tensor cannot hold {brief(value)}.", _HINT)
        return image


_HINT = "Give reelbase.read(path), or an array (H, W) or (H, W, C) of uint8 or uint16."

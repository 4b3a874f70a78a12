"""The image htype: encoded files, or arrays that are encoded on append."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Encode, Htype, Sample, brief


class Image(Htype):
    """One picture an item: a `Sample`, or ``(H, W)`` or ``(H, W, C)`` of uint8 or uint16 to encode."""

    name: ClassVar[str] = "image"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16")
    media: ClassVar[bool] = True

    def check(self, value: Any) -> Sample | Encode:
        """The sample, or the picture wrapped for encoding.

        Raises:
            HtypeError: neither a sample nor a picture.
        """
        if isinstance(value, Sample):
            return value
        given = Encode(array=value) if isinstance(value, np.ndarray) else value
        if not isinstance(given, Encode) or given.array.ndim not in (2, 3) or given.array.dtype.name not in self.dtypes:
            raise HtypeError(f"An image tensor cannot hold {brief(value)}.", _TODO)
        return given


_TODO = "Give reelbase.read(path), or an array (H, W) or (H, W, C) of uint8 or uint16."

"""The video htype: encoded files, or arrays of frames that are encoded on append."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Encode, Htype, Sample, brief


class Video(Htype):
    """One video per item: a `Sample`, or a uint8 array of frames ``(N, H, W, 3)`` to encode."""

    name: ClassVar[str] = "video"
    dtype: ClassVar[str | None] = "uint8"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8",)
    media: ClassVar[bool] = True
    role: ClassVar[str] = "video"

    def check(self, value: Any) -> Sample | Encode:
        """Return the sample, or the frames wrapped for encoding.

        Raises:
            HtypeError: `value` is neither a sample nor an array of frames.
        """
        if isinstance(value, Sample):
            return value
        if isinstance(value, Encode):
            _check_frames(value.array)
            return value
        if isinstance(value, np.ndarray):
            _check_frames(value)
            return Encode(array=value)
        raise HtypeError(f"A video tensor cannot hold {brief(value)}.", _HINT)


_HINT = "Give reelbase.read(path), or frames as a uint8 array of shape (N, H, W, 3)."


def _check_frames(array: Any) -> None:
    if not isinstance(array, np.ndarray) or array.ndim != 4 or array.shape[3] != 3 or not array.size:
        raise HtypeError(f"{brief(array)} is not video frames.", _HINT)
    if array.dtype != np.uint8:
        raise HtypeError(f"Video frames must be uint8, not {array.dtype}.", _HINT)

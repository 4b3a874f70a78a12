"""The video htype: encoded files, or arrays of frames that are encoded on append."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Boolean, Encode, Field, Htype, ListOf, Number, Record, Sample, Text, brief


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

    def file_type(self) -> Record:
        """Return the fields of a video: frames, seconds, width, height, and the keys of ``sample_info``."""
        return Record(("a video", "videos"), _FIELDS, length="frames", hints=_HINTS)


_FIELDS: Final = {
    "frames": Field(Number("int64")),
    "seconds": Field(Number(unit="s")),
    "fps": Field(Number(unit="1/s")),
    "width": Field(Number("int64", "px")),
    "height": Field(Number("int64", "px")),
    "shape": Field(ListOf(Number("int64"), "axes")),
    **dict.fromkeys(
        ("codec", "profile", "pix_fmt", "format", "filename", "times_from", "times", "time_base", "color_space",
         "color_range", "color_approximated_as", "sample_aspect_ratio", "trust", "checked", "stopped_by",
         "sha256"),
        Field(Text()),
    ),
    **dict.fromkeys(
        ("alpha", "flipped", "modified", "variable_rate", "has_audio", "interlaced"), Field(Boolean())
    ),
    **dict.fromkeys(
        ("bits", "stream", "packets", "key_frames", "damaged", "frame_sizes", "clock_restarts", "times_reordered",
         "times_go_back"),
        Field(Number("int64")),
    ),
    "declared_fps": Field(Number(unit="1/s")),
    "rotation": Field(Number(unit="°")),
    "start_time": Field(Number(unit="s")),
    "timebase": Field(Number(unit="s")),
}  # fmt: skip
_HINTS: Final = {
    "duration": "It would count ticks of the video's own clock. Write seconds or frames.",
    "length": "Write seconds or frames.",
    "name": "Write filename.",
    "size": "Write width and height.",
}
_HINT = "Give reelbase.read(path), or frames as a uint8 array of shape (N, H, W, 3)."


def _check_frames(array: Any) -> None:
    if not isinstance(array, np.ndarray) or array.ndim != 4 or array.shape[3] != 3 or not array.size:
        raise HtypeError(f"{brief(array)} is not video frames.", _HINT)
    if array.dtype != np.uint8:
        raise HtypeError(f"Video frames must be uint8, not {array.dtype}.", _HINT)

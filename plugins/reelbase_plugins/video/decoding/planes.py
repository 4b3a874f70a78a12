"""Planes of decoded frames as arrays, with the values that the decoder gives."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import MediaError, UsageError
from reelbase_plugins.video.decoding.colour import SMPTE170M
from reelbase_plugins.video.decoding.convert import conversion_errors, make_size_error, view_lines

if TYPE_CHECKING:
    from av.video.format import VideoFormat
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

    Planes = dict[str, NDArray[Any]]

_NAMES: Final = ("y", "u", "v")
_ENDIANNESS: Final = "le" if sys.byteorder == "little" else "be"
#: Formats that keep several components in one plane, to the format with the same values in planes of their own. swscale
#: only moves the values: the tests compare each of them. Names are without the suffix of their byte order.
_PLANAR_OF_PACKED: Final = {
    "nv12": "yuv420p", "nv21": "yuv420p", "nv16": "yuv422p", "nv24": "yuv444p", "nv42": "yuv444p", "nv20": "yuv422p10",
    "p010": "yuv420p10", "p012": "yuv420p12", "p016": "yuv420p16", "p210": "yuv422p10", "p410": "yuv444p10",
    "yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "y210": "yuv422p10", "y212": "yuv422p12",
    "vuya": "yuva444p", "ayuv": "yuva444p", "uyva": "yuva444p", "vuyx": "yuv444p", "vyu444": "yuv444p",
    "ayuv64": "yuva444p16", "xv30": "yuv444p10", "v30x": "yuv444p10", "xv36": "yuv444p12", "xv48": "yuv444p16",
    "yuv444p10msb": "yuv444p10", "yuv444p12msb": "yuv444p12",
}  # fmt: skip


class PlaneConverter:
    """Takes frames apart into their planes. It must not be used by two threads at a time.

    Args:
        config: Decoder configuration of the video.
    """

    def __init__(self, config: DecoderConfig) -> None:
        import av

        self._config = config
        self._reformatter = av.video.reformatter.VideoReformatter()

    def convert_into(self, frame: VideoFrame, out: PlaneSlot, label: str) -> None:
        """Copy the planes of a frame to where they belong in the result.

        Raises:
            FrameSizeError: the frame has another size than the first one.
            MediaError: the frame has another pixel format than those before it.
            UsageError: the frame is not stored as luma and chroma.
        """
        out.fill(self.convert(frame, label), label)

    def convert(self, frame: VideoFrame, label: str) -> Planes:
        """Return the planes of a frame by name; they may share the memory of the frame, and keep it alive."""
        if (frame.width, frame.height) != self._config.size:
            raise make_size_error(frame, self._config, label, "Pass pixels='rgb24' and size=(height, width).")
        name = frame.format.name
        base = name.removesuffix("le").removesuffix("be")
        if base in ("ya8", "ya16"):
            return _split_gray_alpha(frame)
        if base in _PLANAR_OF_PACKED:
            frame.colorspace = SMPTE170M  # any that swscale has: no value is changed
            with conversion_errors(frame, label):
                frame = self._reformatter.reformat(frame, format=_find_planar(base), threads=1)
        if not _is_planar_yuv(frame.format):
            raise UsageError(
                f"{label} is {name}: it has no planes of luma and chroma.",
                "Pass pixels='rgb24' or 'rgba', or 'rgb48' for more than 8 bits.",
            )
        return _view_planes(frame)


class PlaneArrays:
    """The planes of several frames, as one array for each plane. They are allocated when the first frame comes.

    Args:
        count: Number of frames.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self.planes: Planes = {}

    def fill(self, row: int, planes: Planes, label: str) -> None:
        """Copy the planes of a frame into row `row`.

        Raises:
            MediaError: they have other names, sizes or bits than those of the first frame.
        """
        with self._lock:  # frames come from several threads
            if not self.planes:
                self.planes = {
                    name: np.empty((self._count, *plane.shape), plane.dtype) for name, plane in planes.items()
                }
        if {name: (plane.shape, plane.dtype) for name, plane in planes.items()} != self._describe():
            raise MediaError(
                f"{label} has other planes than the frames before it: the pixel format changes midway.",
                "Read the frames before and after the change apart, or pass pixels='rgb24'.",
            )
        for name, plane in planes.items():
            self.planes[name][row] = plane

    def _describe(self) -> dict[str, Any]:
        return {name: (array.shape[1:], array.dtype) for name, array in self.planes.items()}


class PlaneSlot:
    """One row of `PlaneArrays`."""

    def __init__(self, arrays: PlaneArrays, row: int) -> None:
        self._arrays = arrays
        self._row = row

    def fill(self, planes: Planes, label: str) -> None:
        """See `PlaneArrays.fill`."""
        self._arrays.fill(self._row, planes, label)


def _find_planar(base: str) -> str:
    name = _PLANAR_OF_PACKED[base]
    return name if name.endswith("p") else f"{name}{_ENDIANNESS}"


def _is_planar_yuv(layout: VideoFormat) -> bool:
    """Return True if each component is a plane of its own, of luma, chroma or alpha as unsigned integers."""
    parts = layout.components
    is_other = layout.is_rgb or layout.has_palette or layout.is_bit_stream or layout.name.startswith("xyz")
    is_integer = all(8 <= part.bits <= 16 for part in parts) and "f16" not in layout.name
    return is_integer and not is_other and len({part.plane for part in parts}) == len(parts)


def _view_planes(frame: VideoFrame) -> Planes:
    planes = {}
    for number, part in enumerate(frame.format.components):
        stored = np.dtype("u1" if part.bits == 8 else ">u2" if frame.format.is_big_endian else "<u2")
        lines = view_lines(frame.planes[part.plane], part.height, stored)[:, : part.width]
        name = "a" if part.is_alpha else _NAMES[number]
        planes[name] = lines.astype(stored.newbyteorder("="), copy=False)
    return planes


def _split_gray_alpha(frame: VideoFrame) -> Planes:
    """Return luma and alpha of a frame that alternates them in one plane."""
    stored = np.dtype("u1" if frame.format.name == "ya8" else ">u2" if frame.format.is_big_endian else "<u2")
    pairs = view_lines(frame.planes[0], frame.height, stored)[:, : 2 * frame.width]
    native = pairs.astype(stored.newbyteorder("="), copy=False)
    return {"y": native[:, ::2], "a": native[:, 1::2]}

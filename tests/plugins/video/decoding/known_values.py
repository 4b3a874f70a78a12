"""Files whose stored values are known, made for the tests of conversions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

Planes = Mapping[str, "NDArray[Any]"]


def make_frame(pix_fmt: str, planes: Iterable[NDArray[Any]]) -> VideoFrame:
    """A frame with the given values in its planes; each plane is ``(h, values of a line)``."""
    import av

    planes = list(planes)
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pix_fmt)
    for plane, values in zip(frame.planes, planes, strict=True):
        lines = np.ndarray((plane.height, plane.line_size // values.itemsize), values.dtype, buffer=plane)
        lines[:, : values.shape[1]] = values
    return frame


def write_frames(
    path: Path,
    frames: Iterable[VideoFrame],
    *,
    codec: str,
    options: Mapping[str, str] | None = None,
    tags: Mapping[str, int] | None = None,
    gop: int = 4,
) -> Path:
    """Encode frames of one format; `tags` are attributes of the encoder, such as ``{"colorspace": 8}``."""
    import av

    frames = list(frames)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25, options=dict(options or {}))
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
        context = stream.codec_context
        context.gop_size, context.thread_count, context.time_base = gop, 1, Fraction(1, 25)
        for name, value in (tags or {}).items():
            setattr(context, name, value)
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for name in ("colorspace", "color_range"):
                if name in (tags or {}):
                    setattr(frame, name, (tags or {})[name])
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def tag_bitstream(data: bytes, bitstream_filter: str) -> bytes:
    """A copy of an mp4 file whose packets went through a bitstream filter of libavcodec."""
    import av
    from av.bitstream import BitStreamFilterContext

    target = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(target, "w", format="mp4") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        changed = BitStreamFilterContext(bitstream_filter, stream, copy)
        packets: list[Any] = [packet for packet in source.demux(stream) if packet.dts is not None]
        for packet in [*packets, None]:
            for result in changed.filter(packet):
                result.stream = copy
                out.mux(result)
    return target.getvalue()

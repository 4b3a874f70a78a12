"""Videos as browsers decode them: what WebCodecs must be given of a stream, and frames encoded for it.

Codec strings: RFC 6381; ISO/IEC 14496-15 annex E (avc1, hev1); "Codecs Parameter String" of the VP9 and AV1 bindings to
ISOBMFF.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.plugin import Flag, Trust, WebClip, WebStream, ordinary_scheduling
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from av.video.codeccontext import VideoCodecContext
    from numpy.typing import NDArray

    from reelbase.plugin import FrameIndex

_SPS: Final = 7
_RATE: Final = 30
_BT601: Final = 5  # AVCOL_SPC_BT470BG
_LIMITED: Final = 1  # AVCOL_RANGE_MPEG
_OPTIONS: Final = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "17",
    "x264-params": "keyint=infinite:scenecut=0",
}


def make_web_stream(index: FrameIndex) -> WebStream | None:
    """See `Codec.web_stream`: only of streams whose every packet is one frame, decoded by the same settings."""
    config = DecoderConfig.from_dict(index.decoder)
    whole = index.trust > Trust.CONTAINER and not config.changes and not (index.flags & Flag.CONTINUES).any()
    name = _NAMES.get(config.codec)
    codec = name(config) if whole and name else None
    if codec is None:
        return None
    outside = config.codec in {"h264", "hevc"} and config.extradata[:1] == b"\x01"
    description = config.extradata if outside else b""
    return WebStream(codec=codec, description=description, size=config.size, turn=config.turn)


def _h264(config: DecoderConfig) -> str | None:
    data = config.extradata
    if data[:1] == b"\x01":
        return f"avc1.{data[1:4].hex()}" if len(data) > 3 else None
    return _of_sps(data)


def _of_sps(data: bytes) -> str | None:
    """From the first sequence parameter set of an Annex B stream (ITU-T H.264, 7.3.2.1.1)."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 6:
        if data[at + 3] & 31 == _SPS:
            return f"avc1.{data[at + 4 : at + 7].hex()}"
        at = data.find(b"\0\0\1", at + 3)
    return None


def _hevc(config: DecoderConfig) -> str | None:
    data = config.extradata
    if data[:1] != b"\x01" or len(data) < 13:
        return None
    space, tier, profile = data[1] >> 6, data[1] >> 5 & 1, data[1] & 31
    compatible = int(f"{int.from_bytes(data[2:6], 'big'):032b}"[::-1], 2)
    constraints = data[6:12].rstrip(b"\0")
    parts = [f"{('', 'A', 'B', 'C')[space]}{profile}", f"{compatible:X}", f"{'LH'[tier]}{data[12]}"]
    return ".".join(["hev1", *parts, *(f"{byte:X}" for byte in constraints)])


def _vp9(config: DecoderConfig) -> str:
    profile = next((n for n in (3, 2, 1) if str(n) in (config.profile or "")), 0)
    return f"vp09.{profile:02}.51.{_depth(config):02}"


def _av1(config: DecoderConfig) -> str:
    data = config.extradata
    if len(data) < 3 or data[0] != 0x81:  # no AV1CodecConfigurationRecord
        return f"av01.0.12M.{_depth(config):02}"
    profile, level, tier = data[1] >> 5, data[1] & 31, data[2] >> 7
    return f"av01.{profile}.{level:02}{'MH'[tier]}.{_depth(config):02}"


def _depth(config: DecoderConfig) -> int:
    name = config.pix_fmt or ""
    return next((bits for bits in (12, 10) if f"p{bits}" in name), 8)


_NAMES: Final[dict[str, Callable[[DecoderConfig], str | None]]] = {
    "h264": _h264,
    "hevc": _hevc,
    "vp8": lambda config: "vp8",
    "vp9": _vp9,
    "av1": _av1,
}


def encode_web_clip(frames: Iterable[NDArray[np.uint8]]) -> WebClip | None:
    """See `Codec.web_clip`: H.264, every frame one packet."""
    import av

    context: VideoCodecContext | None = None
    packets: list[bytes] = []
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame.pts = number
        if context is None:
            context = _encoder(frame.width, frame.height)
        packets += map(bytes, context.encode(frame))
    if context is None:
        return None
    packets += map(bytes, context.encode(None))
    codec = _of_sps(packets[0]) if packets else None
    if codec is None:
        return None
    return WebClip(
        stream=WebStream(codec=codec, description=b"", size=(context.width, context.height)), packets=packets
    )


def _encoder(width: int, height: int) -> VideoCodecContext:
    import av

    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = width, height
    # Subsampled colour needs even sizes.
    context.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    context.time_base = Fraction(1, _RATE)
    context.colorspace, context.color_range = _BT601, _LIMITED
    options: dict[str, Any] = dict(_OPTIONS)
    context.options = options
    context.thread_count = 1
    with ordinary_scheduling():
        context.open()
    return context

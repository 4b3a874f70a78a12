"""Videos for decoding in browsers: the configuration that WebCodecs needs, and frames encoded for it.

Codec strings follow RFC 6381; ISO/IEC 14496-15 annex E (avc1, hev1); and "Codecs Parameter String" of the VP9 and AV1
bindings to ISOBMFF.
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

_NAL_SPS: Final = 7
_FRAMES_PER_SECOND: Final = 30  # x264 needs a time base; the packets of a clip carry no times
_BT601: Final = 5  # AVCOL_SPC_BT470BG
_LIMITED: Final = 1  # AVCOL_RANGE_MPEG
_X264_OPTIONS: Final = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "17",
    "x264-params": "keyint=infinite:scenecut=0",
}


def make_web_stream(index: FrameIndex) -> WebStream | None:
    """See `Codec.web_stream`. Only for streams of which every packet is one frame, with the same decoder settings."""
    config = DecoderConfig.from_dict(index.decoder)
    is_simple = index.trust > Trust.CONTAINER and not config.changes and not (index.flags & Flag.CONTINUES).any()
    make_name = _NAME_MAKERS.get(config.codec)
    codec = make_name(config) if is_simple and make_name else None
    if codec is None:
        return None
    # with a record (avcC, hvcC) parameter sets are not in the packets: WebCodecs gets it as the description
    has_record = config.codec in {"h264", "hevc"} and config.extradata[:1] == b"\x01"
    description = config.extradata if has_record else b""
    return WebStream(codec=codec, description=description, size=config.size, turn=config.turn)


def _name_h264(config: DecoderConfig) -> str | None:
    data = config.extradata
    if data[:1] == b"\x01":
        return f"avc1.{data[1:4].hex()}" if len(data) > 3 else None
    return _name_h264_from_sps(data)


def _name_h264_from_sps(data: bytes) -> str | None:
    """Make the codec string from the first sequence parameter set of an Annex B stream (ITU-T H.264, 7.3.2.1.1)."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 6:
        if data[at + 3] & 31 == _NAL_SPS:
            return f"avc1.{data[at + 4 : at + 7].hex()}"
        at = data.find(b"\0\0\1", at + 3)
    return None


def _name_hevc(config: DecoderConfig) -> str | None:
    data = config.extradata
    if data[:1] != b"\x01" or len(data) < 13:
        return None
    space, tier, profile = data[1] >> 6, data[1] >> 5 & 1, data[1] & 31
    compatible = int(f"{int.from_bytes(data[2:6], 'big'):032b}"[::-1], 2)
    constraints = data[6:12].rstrip(b"\0")
    parts = [f"{('', 'A', 'B', 'C')[space]}{profile}", f"{compatible:X}", f"{'LH'[tier]}{data[12]}"]
    return ".".join(["hev1", *parts, *(f"{byte:X}" for byte in constraints)])


def _name_vp9(config: DecoderConfig) -> str:
    profile = next((number for number in (3, 2, 1) if str(number) in (config.profile or "")), 0)
    return f"vp09.{profile:02}.51.{_find_bit_depth(config):02}"


def _name_av1(config: DecoderConfig) -> str:
    data = config.extradata
    if len(data) < 3 or data[0] != 0x81:  # not an AV1CodecConfigurationRecord
        return f"av01.0.12M.{_find_bit_depth(config):02}"
    profile, level, tier = data[1] >> 5, data[1] & 31, data[2] >> 7
    return f"av01.{profile}.{level:02}{'MH'[tier]}.{_find_bit_depth(config):02}"


def _find_bit_depth(config: DecoderConfig) -> int:
    name = config.pix_fmt or ""
    return next((bits for bits in (12, 10) if f"p{bits}" in name), 8)


_NAME_MAKERS: Final[dict[str, Callable[[DecoderConfig], str | None]]] = {
    "h264": _name_h264,
    "hevc": _name_hevc,
    "vp8": lambda config: "vp8",
    "vp9": _name_vp9,
    "av1": _name_av1,
}


def encode_web_clip(frames: Iterable[NDArray[np.uint8]]) -> WebClip | None:
    """See `Codec.web_clip`. The clip is H.264 with one packet per frame."""
    import av

    context: VideoCodecContext | None = None
    packets: list[bytes] = []
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame.pts = number
        if context is None:
            context = _open_encoder(frame.width, frame.height)
        packets += map(bytes, context.encode(frame))
    if context is None:
        return None
    packets += map(bytes, context.encode(None))
    codec = _name_h264_from_sps(packets[0]) if packets else None
    if codec is None:
        return None
    return WebClip(
        stream=WebStream(codec=codec, description=b"", size=(context.width, context.height)), packets=packets
    )


def _open_encoder(width: int, height: int) -> VideoCodecContext:
    import av

    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = width, height
    # Chroma subsampling needs even sizes.
    context.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    context.time_base = Fraction(1, _FRAMES_PER_SECOND)
    context.colorspace, context.color_range = _BT601, _LIMITED
    options: dict[str, Any] = dict(_X264_OPTIONS)
    context.options = options
    context.thread_count = 1
    with ordinary_scheduling():
        context.open()
    return context

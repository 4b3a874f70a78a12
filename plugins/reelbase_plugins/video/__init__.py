"""Videos in every common container format, and the htype ``video``.

This module only declares them; codecs are imported on first use.
"""

from __future__ import annotations

from reelbase.plugin import CodecSpec, HtypeSpec, hookimpl

_CODEC_MODULE = "reelbase_plugins.video.demux.containers:"


def _make_spec(
    name: str,
    class_name: str,
    suffixes: str,
    magic: list[dict[int, bytes]],
    media_types: str = "",
    *,
    probe: bool = False,
) -> CodecSpec:
    """Make the specification of one codec.

    Args:
        name: Name of the codec.
        class_name: Name of its class in `demux.containers`.
        suffixes: File name suffixes, separated by spaces.
        magic: Alternatives, each of which maps positions in the file to the bytes there.
        media_types: Media types, separated by spaces.
        probe: Not all of its files start with fixed bytes: the class is asked where no magic matches.
    """
    return CodecSpec(
        name=name,
        target=_CODEC_MODULE + class_name,
        requires=("av",),
        install="reelbase[av]",
        suffixes=tuple(suffixes.split()),
        media_types=tuple(media_types.split()),
        magic=tuple(tuple(sorted(alternative.items())) for alternative in magic),
        probe=probe,
        kind="video",
    )


_EBML = [{0: b"\x1a\x45\xdf\xa3"}]
_SYNC = b"\x47"  # sync byte of a transport packet
#: Sizes of a transport packet: bare, with a time code of 4 bytes before it, with 16 bytes of error correction after it.
_TS_SYNC_BYTES = [{at + step * number: _SYNC for number in range(3)} for at, step in ((0, 188), (4, 192), (0, 204))]
#: Boxes that files of boxes begin with; QuickTime files need not begin with ``ftyp``.
_QT_BOXES = [{4: box} for box in (b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip", b"uuid", b"udta", b"junk")]
_MP4_BOXES = [{4: box} for box in (b"ftyp", b"styp", b"sidx", b"moof", b"emsg", b"prft", b"pdin")]
_START_CODES = [{0: b"\0\0\1"}, {0: b"\0\0\0\1"}]  # of H.264, HEVC and MPEG-4; their classes distinguish them
_CODECS = (
    _make_spec(
        "mp4", "Mp4", ".mp4 .m4v .3gp .3g2", _MP4_BOXES + _QT_BOXES, "video/mp4 video/3gpp video/3gpp2"
    ),
    _make_spec("mov", "Mov", ".mov .qt", [{4: b"ftypqt  "}, *_QT_BOXES], "video/quicktime"),
    _make_spec("mkv", "Mkv", ".mkv", _EBML, "video/x-matroska video/matroska"),
    _make_spec("webm", "Webm", ".webm", _EBML, "video/webm"),
    _make_spec("avi", "Avi", ".avi", [{0: b"RIFF", 8: b"AVI "}], "video/x-msvideo"),
    _make_spec("flv", "Flv", ".flv", [{0: b"FLV\x01"}], "video/x-flv"),
    _make_spec("ts", "Ts", ".ts .m2ts .mts", _TS_SYNC_BYTES, "video/mp2t", probe=True),
    _make_spec("mpg", "Mpg", ".mpg .mpeg .vob .m2v .m1v", [{0: b"\0\0\1\xba"}, {0: b"\0\0\1\xb3"}], "video/mpeg"),
    _make_spec("gif", "Gif", ".gif", [{0: b"GIF87a"}, {0: b"GIF89a"}], "image/gif"),
    _make_spec("asf", "Asf", ".wmv .asf", [{0: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")}], "video/x-ms-asf"),
    _make_spec("ivf", "Ivf", ".ivf", [{0: b"DKIF\0\0"}]),
    _make_spec("ogg", "Ogg", ".ogv .ogg", [{0: b"OggS\0"}], "video/ogg"),
    _make_spec("mxf", "Mxf", ".mxf", [{0: bytes.fromhex("060e2b34020501010d0102010102")}], "application/mxf"),
    _make_spec("dv", "Dv", ".dv .dif", [{0: b"\x1f\x07\x00"}], "video/dv"),
    _make_spec("rm", "Rm", ".rm .rmvb", [{0: b".RMF\0\0\0"}], "application/vnd.rn-realmedia"),
    _make_spec("nut", "Nut", ".nut", [{0: b"nut/multimedia container\0"}]),
    _make_spec("y4m", "Y4m", ".y4m", [{0: b"YUV4MPEG2 "}], "video/x-yuv4mpeg2"),
    _make_spec("apng", "Apng", ".apng", [{0: b"\x89PNG\r\n\x1a\n"}], "image/apng"),
    _make_spec("h264", "H264", ".h264 .264 .avc", _START_CODES, "video/h264"),
    _make_spec("hevc", "Hevc", ".hevc .h265 .265", _START_CODES, "video/h265"),
    _make_spec("m4v", "M4v", ".m4v", _START_CODES),
    _make_spec("obu", "Obu", ".obu", [{0: b"\x12\0"}]),
)  # fmt: skip


@hookimpl
def reelbase_codecs() -> list[CodecSpec]:
    """Return the specifications of the codecs, one per container format."""
    return list(_CODECS)


@hookimpl
def reelbase_htypes() -> list[HtypeSpec]:
    """Return the specification of the htype ``video``, which is stored in any of the containers."""
    return [HtypeSpec(name="video", target="reelbase_plugins.video.htype:Video", codecs=("video",))]

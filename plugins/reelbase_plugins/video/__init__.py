"""Videos in every common container format, and the htype ``video``.

This module only declares them; codecs are imported on first use.
"""

from __future__ import annotations

from reelbase.plugin import CodecSpec, HtypeSpec, hookimpl

_CODEC_MODULE = "reelbase_plugins.video.demux.containers:"


def _make_spec(
    name: str, class_name: str, suffixes: str, magic: list[dict[int, bytes]], media_types: str = ""
) -> CodecSpec:
    """Make the specification of one codec.

    Args:
        name: Name of the codec.
        class_name: Name of its class in `demux.containers`.
        suffixes: File name suffixes, separated by spaces.
        magic: Alternatives, each of which maps positions in the file to the bytes there.
        media_types: Media types, separated by spaces.
    """
    return CodecSpec(
        name=name,
        target=_CODEC_MODULE + class_name,
        requires=("av",),
        install="reelbase[av]",
        suffixes=tuple(suffixes.split()),
        media_types=tuple(media_types.split()),
        magic=tuple(tuple(sorted(alternative.items())) for alternative in magic),
        kind="video",
    )


_EBML = [{0: b"\x1a\x45\xdf\xa3"}]
_SYNC = b"\x47"  # sync byte of a transport packet; every 188 bytes, or 192 with a time code before each packet
_CODECS = (
    _make_spec(
        "mp4", "Mp4", ".mp4 .m4v .3gp .3g2",
        [{4: box} for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"sidx", b"moof")],
        "video/mp4 video/3gpp video/3gpp2",
    ),
    _make_spec(
        "mov", "Mov", ".mov .qt",
        [{4: b"ftypqt  "}, {4: b"moov"}, {4: b"mdat"}, {4: b"wide"}],
        "video/quicktime",
    ),
    _make_spec("mkv", "Mkv", ".mkv", _EBML, "video/x-matroska video/matroska"),
    _make_spec("webm", "Webm", ".webm", _EBML, "video/webm"),
    _make_spec("avi", "Avi", ".avi", [{0: b"RIFF", 8: b"AVI "}], "video/x-msvideo"),
    _make_spec("flv", "Flv", ".flv", [{0: b"FLV\x01"}], "video/x-flv"),
    _make_spec(
        "ts", "Ts", ".ts .m2ts .mts",
        [{0: _SYNC, 188: _SYNC, 376: _SYNC}, {4: _SYNC, 196: _SYNC, 388: _SYNC}],
        "video/mp2t",
    ),
    _make_spec("mpg", "Mpg", ".mpg .mpeg .vob .m2v", [{0: b"\0\0\1\xba"}, {0: b"\0\0\1\xb3"}], "video/mpeg"),
    _make_spec("gif", "Gif", ".gif", [{0: b"GIF87a"}, {0: b"GIF89a"}], "image/gif"),
    _make_spec("asf", "Asf", ".wmv .asf", [{0: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")}], "video/x-ms-asf"),
    _make_spec("ivf", "Ivf", ".ivf", [{0: b"DKIF\0\0"}]),
    _make_spec("ogg", "Ogg", ".ogv .ogg", [{0: b"OggS\0"}], "video/ogg"),
    _make_spec("mxf", "Mxf", ".mxf", [{0: bytes.fromhex("060e2b34020501010d0102010102")}], "application/mxf"),
    _make_spec("dv", "Dv", ".dv .dif", [{0: b"\x1f\x07\x00"}], "video/dv"),
    _make_spec("rm", "Rm", ".rm .rmvb", [{0: b".RMF\0\0\0"}], "application/vnd.rn-realmedia"),
)  # fmt: skip


@hookimpl
def reelbase_codecs() -> list[CodecSpec]:
    """Return the specifications of the codecs, one per container format."""
    return list(_CODECS)


@hookimpl
def reelbase_htypes() -> list[HtypeSpec]:
    """Return the specification of the htype ``video``, which is stored in any of the containers."""
    return [HtypeSpec(name="video", target="reelbase_plugins.video.htype:Video", codecs=("video",))]

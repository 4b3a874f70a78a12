"""Videos of every common container, and the htype ``video``. Declares only; the work is imported on first use."""

from __future__ import annotations

from reelbase.plugin import CodecSpec, HtypeSpec, hookimpl

_BASE = "reelbase_plugins.video.demux.containers:"


def _spec(name: str, target: str, suffixes: str, magic: list[dict[int, bytes]], types: str = "") -> CodecSpec:
    return CodecSpec(
        name=name,
        target=_BASE + target,
        requires=("av",),
        install="reelbase[av]",
        suffixes=tuple(suffixes.split()),
        media_types=tuple(types.split()),
        magic=tuple(tuple(sorted(one.items())) for one in magic),
        kind="video",
    )


_EBML = [{0: b"\x1a\x45\xdf\xa3"}]
_SYNC = b"\x47"
_CODECS = (
    _spec(
        "mp4", "Mp4", ".mp4 .m4v .3gp .3g2",
        [{4: box} for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"sidx", b"moof")],
        "video/mp4 video/3gpp video/3gpp2",
    ),
    _spec("mov", "Mov", ".mov .qt", [{4: b"ftypqt  "}, {4: b"moov"}, {4: b"mdat"}, {4: b"wide"}], "video/quicktime"),
    _spec("mkv", "Mkv", ".mkv", _EBML, "video/x-matroska video/matroska"),
    _spec("webm", "Webm", ".webm", _EBML, "video/webm"),
    _spec("avi", "Avi", ".avi", [{0: b"RIFF", 8: b"AVI "}], "video/x-msvideo"),
    _spec("flv", "Flv", ".flv", [{0: b"FLV\x01"}], "video/x-flv"),
    _spec(
        "ts", "Ts", ".ts .m2ts .mts",
        [{0: _SYNC, 188: _SYNC, 376: _SYNC}, {4: _SYNC, 196: _SYNC, 388: _SYNC}],
        "video/mp2t",
    ),
    _spec("mpg", "Mpg", ".mpg .mpeg .vob .m2v", [{0: b"\0\0\1\xba"}, {0: b"\0\0\1\xb3"}], "video/mpeg"),
    _spec("gif", "Gif", ".gif", [{0: b"GIF87a"}, {0: b"GIF89a"}], "image/gif"),
    _spec("asf", "Asf", ".wmv .asf", [{0: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")}], "video/x-ms-asf"),
    _spec("ivf", "Ivf", ".ivf", [{0: b"DKIF\0\0"}]),
    _spec("ogg", "Ogg", ".ogv .ogg", [{0: b"OggS\0"}], "video/ogg"),
    _spec("mxf", "Mxf", ".mxf", [{0: bytes.fromhex("060e2b34020501010d0102010102")}], "application/mxf"),
    _spec("dv", "Dv", ".dv .dif", [{0: b"\x1f\x07\x00"}], "video/dv"),
    _spec("rm", "Rm", ".rm .rmvb", [{0: b".RMF\0\0\0"}], "application/vnd.rn-realmedia"),
)  # fmt: skip


@hookimpl
def reelbase_codecs() -> list[CodecSpec]:
    """One codec a container."""
    return list(_CODECS)


@hookimpl
def reelbase_htypes() -> list[HtypeSpec]:
    """The htype ``video``; stored in any container."""
    return [HtypeSpec(name="video", target="reelbase_plugins.video.htype:Video", codecs=("video",))]

"""The corpus: containers, codecs and features that frame numbers have to survive.

Every clip was chosen because some common way of reading frames gets it wrong, or because it is a path of its own
through libavformat.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelbase.testing._edits import (
    cut,
    edit_list,
    field_coded,
    hidden,
    packed,
    rebuilt,
    resized,
    restarted,
    retimed,
    spliced,
)
from reelbase.testing._mpegts import with_error_correction
from reelbase.testing._tracks import Attachment, Cover, SecondVideo, Tone
from reelbase.testing.clips import ClipRecipe, Maker, Matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIXED = {"sc_threshold": "1000000000", "b_strategy": "0", "q:v": "3"}  # native encoders: GOPs as asked for
_WEB = {"cpu-used": "8", "crf": "20", "b": "1M", "auto-alt-ref": "1", "lag-in-frames": "16"}
_AV1 = ClipRecipe(codec="libsvtav1", options={"preset": "10", "crf": "20", "svtav1-params": "lp=1"})

_TURNS: dict[str, Matrix] = {
    "90": (0, 1, -1, 0), "180": (-1, 0, 0, -1), "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1), "flipped": (1, 0, 0, -1), "transposed": (0, 1, 1, 0), "transversed": (0, -1, -1, 0),
}  # fmt: skip


def clips() -> dict[str, Maker]:
    """See `reelbase.testing.clips.corpus`."""
    parts = (
        _h264_containers(), _h264(), _hevc(), _web(), _mpeg(), _intra(), _old(), _animations(), _bare(), _times(),
        _edit_lists(), _turns(), _streams(), _broken(), _splices(), _clocks(),
    )  # fmt: skip
    return {name: maker for part in parts for name, maker in part}


def _x264(params: str = "", **settings: Any) -> ClipRecipe:
    """B-frames and key frames exactly where they are asked for."""
    options = {"preset": "veryfast", "sc_threshold": "0", "b_strategy": "0"}
    options |= {"x264-params": params} if params else {}
    return ClipRecipe(**{"bframes": 2, **settings, "options": {**options, **settings.get("options", {})}})


def _x265(params: str = "open-gop=0", **settings: Any) -> ClipRecipe:
    fixed = "log-level=none:pools=none:frame-threads=1:b-adapt=0:scenecut=0:keyint=12:min-keyint=12:bframes=3"
    return ClipRecipe(codec="libx265", options={"preset": "ultrafast", "x265-params": f"{fixed}:{params}"}, **settings)


def _native(codec: str, **settings: Any) -> ClipRecipe:
    return ClipRecipe(codec=codec, **{**settings, "options": {**_FIXED, **settings.get("options", {})}})


def _h264_containers() -> Iterator[tuple[str, Maker]]:
    for name, container in {
        "h264-b.mp4": "mp4", "h264-b.mov": "mov", "h264-b.m4v": "ipod", "h264-b.3gp": "3gp", "h264-b.mkv": "matroska",
        "h264-b.flv": "flv", "h264-b.ts": "mpegts", "h264-b.avi": "avi", "h264-b.mxf": "mxf",
    }.items():  # fmt: skip
        yield name, _x264(container=container).make
    yield "h264-b.mpg", _x264(container="mpeg").make
    yield "h264-b.asf", _x264(container="asf", fps=25).make
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    yield "h264-b-fragmented.mp4", _x264(mux=fragments).make
    yield "h264-b-frame-fragments.mp4", _x264(mux={"movflags": "frag_every_frame+empty_moov"}).make
    yield "h264-b-faststart.mp4", _x264(mux={"movflags": "faststart"}).make
    yield "h264.avi", _x264(container="avi", bframes=0).make
    # Boxes before those that most files begin with; offsets in fragments are relative, and pnot is as long as ftyp.
    yield "h264-b-uuid.mp4", rebuilt(_x264(mux=fragments), lambda data: _box(b"uuid", bytes(24)) + data)
    yield "h264-b-pnot.mov", rebuilt(_x264(container="mov"), lambda data: _box(b"pnot", bytes(12)) + data[20:])
    stream = _x264(container="mpegts")
    yield "h264-b-cut-packet.ts", rebuilt(stream, lambda data: data[77:])
    yield "h264-b-204.ts", rebuilt(stream, with_error_correction)
    yield "h264-b-204-cut-packet.ts", rebuilt(stream, lambda data: with_error_correction(data)[50:])
    yield "h264-b-time-codes.m2ts", replace(stream, mux={"mpegts_m2ts_mode": "1"}).make


def _box(kind: bytes, payload: bytes) -> bytes:
    return (8 + len(payload)).to_bytes(4) + kind + payload


def _h264() -> Iterator[tuple[str, Maker]]:
    yield "h264-pyramid.mp4", _x264(bframes=3, options={"b-pyramid": "normal"}).make
    yield "h264-open-gop.mp4", _x264("open-gop=1", bframes=3).make
    yield "h264-open-gop.ts", _x264("open-gop=1", bframes=3, container="mpegts").make
    yield "h264-intra-refresh.mp4", _x264("intra-refresh=1", bframes=0).make
    yield "h264-intra-refresh-b.ts", _x264("intra-refresh=1", container="mpegts").make
    yield "h264-444.mp4", _x264(pix_fmt="yuv444p").make
    yield "h264-444-odd.mp4", _x264(pix_fmt="yuv444p", size=(95, 127)).make
    yield "h264-10bit.mp4", _x264(pix_fmt="yuv420p10le").make
    yield "h264-422-10bit.mkv", _x264(pix_fmt="yuv422p10le", container="matroska").make
    yield "h264-full-range.mp4", _x264(pix_fmt="yuvj420p").make
    yield "h264-bt709.mp4", _x264("colormatrix=bt709").make
    yield "h264-mbaff.mp4", _x264("tff=1").make
    yield "h264-mbaff.ts", _x264("tff=1", container="mpegts").make
    yield "h264-one-frame.mp4", _x264(frames=1).make
    yield "h264-one-frame.ts", _x264(frames=1, container="mpegts").make
    yield "h264-two-frames.mkv", _x264(frames=2, container="matroska").make
    yield "h264-one-gop.mp4", _x264(gop=250, bframes=3).make
    yield "h264-intra.mp4", _x264(gop=1, bframes=0).make
    yield "h264-small.mp4", _x264(size=(48, 64)).make
    rgb = ClipRecipe(codec="libx264rgb", pix_fmt="rgb24", options={"qp": "0", "preset": "veryfast"})
    yield "h264-lossless-rgb.mp4", rgb.make
    yield "h264-fields.ts", field_coded("mpegts")
    yield "h264-fields.mp4", field_coded("mp4", together=True)
    yield "h264-fields.mkv", field_coded("matroska", together=True)
    yield "h264-fields-apart.mkv", field_coded("matroska")


def _hevc() -> Iterator[tuple[str, Maker]]:
    yield "hevc-b.mp4", _x265().make
    yield "hevc-open-gop.mp4", _x265("open-gop=1").make
    yield "hevc-open-gop.ts", _x265("open-gop=1", container="mpegts").make
    yield "hevc-10bit.mkv", _x265(container="matroska", pix_fmt="yuv420p10le").make


def _web() -> Iterator[tuple[str, Maker]]:
    yield "av1.mp4", _AV1.make
    yield "av1.webm", replace(_AV1, container="webm").make
    yield "av1.ivf", replace(_AV1, container="ivf").make
    yield "av1-10bit.mkv", replace(_AV1, container="matroska", pix_fmt="yuv420p10le").make
    vp8 = ClipRecipe(container="webm", codec="libvpx", options=_WEB)
    yield "vp8.webm", vp8.make
    yield "vp8-odd.webm", replace(vp8, size=(95, 127)).make
    yield "vp8.ivf", replace(vp8, container="ivf").make
    yield "vp8.ogv", replace(vp8, container="ogg").make
    yield "vp8-hidden.webm", hidden(vp8, 5)
    yield "vp8-hidden.ivf", hidden(replace(vp8, container="ivf"), 7)
    yield "vp8-hidden.mkv", hidden(replace(vp8, container="matroska", gop=250), 3)
    vp9 = ClipRecipe(container="webm", codec="libvpx-vp9", options=_WEB)
    yield "vp9.webm", vp9.make
    yield "vp9-odd.webm", replace(vp9, size=(95, 127)).make
    yield "vp9.ivf", replace(vp9, container="ivf").make
    yield "vp9.mp4", replace(vp9, container="mp4").make
    yield "vp9-444.mkv", replace(vp9, container="matroska", pix_fmt="yuv444p").make


def _mpeg() -> Iterator[tuple[str, Maker]]:
    mpeg2 = _native("mpeg2video", bframes=2)
    yield "mpeg2-b.mpg", replace(mpeg2, container="mpeg").make
    yield "mpeg2-b.vob", replace(mpeg2, container="vob", timed=False).make
    yield "mpeg2-b.ts", replace(mpeg2, container="mpegts").make
    yield "mpeg2-b.mxf", replace(mpeg2, container="mxf", fps=25).make
    yield "mpeg2-closed.mpg", _native("mpeg2video", bframes=2, container="mpeg", options={"flags": "+cgop"}).make
    interlaced = _native("mpeg2video", bframes=2, container="mpegts", options={"flags": "+ildct+ilme"})
    yield "mpeg2-interlaced.ts", interlaced.make
    yield "mpeg1-b.mpg", _native("mpeg1video", bframes=2, container="mpeg").make
    mpeg4 = _native("mpeg4", bframes=2)
    yield "mpeg4-b.mp4", mpeg4.make
    yield "mpeg4-b.avi", replace(mpeg4, container="avi").make
    yield "mpeg4-b.asf", replace(mpeg4, container="asf", fps=25).make
    yield "mpeg4.avi", replace(mpeg4, container="avi", bframes=0).make
    yield "mpeg4-packed.avi", packed(replace(mpeg4, container="avi", bframes=1))


def _intra() -> Iterator[tuple[str, Maker]]:
    yield "mjpeg.avi", _native("mjpeg", container="avi", pix_fmt="yuvj420p").make
    yield "mjpeg-odd.mov", _native("mjpeg", container="mov", pix_fmt="yuvj422p", size=(95, 127)).make
    prores = ClipRecipe(container="mov", codec="prores_ks", pix_fmt="yuv422p10le", size=(95, 127), frames=12)
    yield "prores-odd.mov", prores.make
    yield "ffv1-odd.mkv", ClipRecipe(container="matroska", codec="ffv1", pix_fmt="bgr0", size=(95, 127)).make
    yield "ffv1-10bit.mkv", ClipRecipe(container="matroska", codec="ffv1", pix_fmt="yuv420p10le").make
    yield "ffv1.avi", ClipRecipe(container="avi", codec="ffv1", pix_fmt="yuv444p").make
    yield "raw.avi", ClipRecipe(container="avi", codec="rawvideo", pix_fmt="bgr24").make
    yield "png.mov", ClipRecipe(container="mov", codec="png", pix_fmt="rgb24").make
    yield "jpeg2000.mxf", ClipRecipe(container="mxf", codec="jpeg2000", fps=25, frames=6).make
    pal = ClipRecipe(container="dv", codec="dvvideo", size=(576, 720), fps=25, frames=8)
    yield "pal.dv", pal.make
    yield "dv.avi", replace(pal, container="avi").make
    yield "ntsc.dv", replace(pal, size=(480, 720), fps=Fraction(30000, 1001), pix_fmt="yuv411p").make


def _old() -> Iterator[tuple[str, Maker]]:
    yield "rv10.rm", _native("rv10", container="rm", fps=25).make
    yield "rv20.rm", _native("rv20", container="rm", fps=25).make
    yield "wmv1.wmv", _native("wmv1", container="asf", fps=25).make
    yield "wmv2.wmv", _native("wmv2", container="asf", fps=25).make
    yield "h263.3gp", _native("h263", container="3gp").make
    yield "flv1.flv", _native("flv", container="flv").make
    yield "msmpeg4.avi", _native("msmpeg4", container="avi").make
    yield "svq1.mov", _native("svq1", container="mov", pix_fmt="yuv410p", frames=20).make
    yield "qtrle.mov", ClipRecipe(container="mov", codec="qtrle", pix_fmt="rgb24").make
    yield "cinepak.avi", ClipRecipe(container="avi", codec="cinepak", pix_fmt="rgb24", frames=6).make
    yield "msvideo1.avi", ClipRecipe(container="avi", codec="msvideo1", pix_fmt="rgb555le").make


def _animations() -> Iterator[tuple[str, Maker]]:
    gif = ClipRecipe(container="gif", codec="gif", pix_fmt="rgb8", fps=25)
    yield "gif.gif", gif.make
    yield "gif-vfr.gif", replace(gif, gaps=(1, 4, 2)).make
    yield "gif-odd.gif", replace(gif, size=(95, 127)).make
    apng = ClipRecipe(container="apng", codec="apng", pix_fmt="rgb24", fps=25)
    yield "apng.apng", apng.make
    yield "apng-vfr-odd.apng", replace(apng, gaps=(1, 4, 2), size=(95, 127)).make
    yield "apng-alpha.apng", replace(apng, pix_fmt="rgba").make
    # A single picture comes first in the file, then the track of all: as a browser does, show the track.
    yield "av1.avif", replace(_AV1, container="avif", main=1).make


def _bare() -> Iterator[tuple[str, Maker]]:
    """Streams without a container, which say nowhere when a frame is shown; and containers that hold little more."""
    yield "h264-b.h264", _x264(container="h264", timed=False).make
    yield "h264-open-gop.264", _x264("open-gop=1", bframes=3, container="h264", timed=False).make
    yield "h264-fields.264", field_coded("h264")
    yield "h264-intra-refresh.264", _x264("intra-refresh=1", bframes=0, container="h264", timed=False).make
    yield "hevc-b.hevc", _x265(container="hevc", timed=False).make
    yield "hevc-open-gop.265", _x265("open-gop=1", container="hevc", timed=False).make
    yield "av1.obu", replace(_AV1, container="obu", timed=False).make
    yield "mpeg4-b.m4v", _native("mpeg4", bframes=2, container="m4v", timed=False).make
    yield "mpeg2-b.m2v", _native("mpeg2video", bframes=2, container="mpeg2video", timed=False).make
    yield "mpeg1-b.m1v", _native("mpeg1video", bframes=2, container="mpeg1video", timed=False).make
    y4m = ClipRecipe(container="yuv4mpegpipe", codec="wrapped_avframe")
    yield "raw.y4m", y4m.make
    yield "raw-odd.y4m", replace(y4m, pix_fmt="yuv444p", size=(95, 127), fps=Fraction(30000, 1001)).make
    yield "h264-b.nut", _x264(container="nut").make
    yield "vfr.nut", _x264(container="nut", gaps=(1, 3, 1, 2, 9)).make
    yield "ffv1-odd.nut", ClipRecipe(container="nut", codec="ffv1", pix_fmt="bgr0", size=(95, 127)).make


def _times() -> Iterator[tuple[str, Maker]]:
    for container, suffix in {"mp4": "mp4", "mov": "mov", "matroska": "mkv", "flv": "flv", "mpegts": "ts"}.items():
        yield f"vfr.{suffix}", _x264(container=container, gaps=(1, 3, 1, 2, 9)).make
        yield f"offset.{suffix}", _x264(container=container, offset=35).make
    yield "ntsc-rate.mp4", _x264(fps=Fraction(30000, 1001)).make
    yield "ntsc-rate.mkv", _x264(fps=Fraction(24000, 1001), container="matroska").make
    yield "vfr.webm", ClipRecipe(container="webm", codec="libvpx", gaps=(1, 3, 1, 2, 9), options=_WEB).make
    stream = _x264(container="mpegts", bframes=0)
    yield "missing-pts.ts", retimed(stream, lambda number, pts: None if number % 4 == 1 else pts)
    yield "double-pts.ts", retimed(stream, lambda number, pts: pts - 3000 if number % 4 == 1 else pts)


def _edit_lists() -> Iterator[tuple[str, Maker]]:
    yield "edit-middle.mp4", edit_list(_x264(), (5, 31))
    yield "edit-middle.mov", edit_list(_x264(container="mov"), (5, 31))
    yield "edit-start.mp4", edit_list(_x264(), (7, 40))
    yield "edit-end.mp4", edit_list(_x264(), (0, 30))
    yield "edit-plain.mp4", edit_list(_x264(bframes=0), (5, 31))
    yield "edit-two.mp4", edit_list(_x264(bframes=0), (5, 15), (28, 40))
    # libavformat starts the second part one frame early when it has B-frames: two frames share a time.
    yield "edit-two-b.mp4", edit_list(_x264(), (5, 15), (28, 40), timed=False)
    yield "edit-twice.mp4", edit_list(_x264(bframes=0), (5, 30), (5, 30))
    yield "edit-twice-b.mp4", edit_list(_x264(), (0, 30), (10, 40))
    yield "edit-hevc-open-gop.mp4", edit_list(_x265("open-gop=1"), (14, 40))


def _turns() -> Iterator[tuple[str, Maker]]:
    for name, matrix in _TURNS.items():
        yield f"turned-{name}.mp4", _x264(matrix=matrix, frames=14).make
    yield "turned-90.mov", _x264(container="mov", matrix=_TURNS["90"], frames=14).make
    yield "turned-270.mkv", _x264(container="matroska", matrix=_TURNS["270"], frames=14).make
    yield "turned-90-odd.mp4", _x264(matrix=_TURNS["90"], frames=14, size=(95, 127), pix_fmt="yuv444p").make


def _streams() -> Iterator[tuple[str, Maker]]:
    yield "sound.mp4", _x264(after=(Tone(),)).make
    yield "sound.mkv", _x264(container="matroska", before=(Tone(),)).make
    yield "sound.mov", _x264(container="mov", before=(Tone("pcm_s16le"),)).make
    yield "sound.avi", _x264(container="avi", bframes=0, before=(Tone("pcm_s16le"),)).make
    yield "sound.flv", _x264(container="flv", after=(Tone(),)).make
    yield "sound.ts", _x264(container="mpegts", after=(Tone(),)).make
    yield "sound.mpg", _native("mpeg2video", bframes=2, container="mpeg", after=(Tone("mp2"),)).make
    yield "two-videos.mp4", _x264(after=(SecondVideo(),)).make
    yield "two-videos.ts", _x264(container="mpegts", after=(SecondVideo(),)).make
    second = _x264(before=(SecondVideo(),), main=1, disposition=1)
    yield "second-is-default.mp4", second.make
    yield "second-is-default.mkv", replace(second, container="matroska").make
    yield "cover.mp4", _x264(before=(Cover(),)).make
    yield "cover.mkv", _x264(container="matroska", before=(Attachment(),)).make


def _broken() -> Iterator[tuple[str, Maker]]:
    """Streams joined midway, and streams that change midway."""
    open_gop = _x264("open-gop=1", bframes=3)
    yield "joined-open-gop.ts", cut(replace(open_gop, container="mpegts"), 9, earliest=9, shown=12)
    yield "joined-open-gop.mkv", cut(replace(open_gop, container="matroska"), 9, earliest=9, shown=12)
    yield "joined-mid-gop.ts", cut(_x264(container="mpegts", bframes=3), 5, earliest=5, shown=12)
    yield "joined-hevc.ts", cut(_x265("open-gop=1", container="mpegts"), 9, earliest=9, shown=12)
    large = _x264(container="mpegts", frames=20, offset=10)
    small = replace(large, first=20, offset=30, size=(64, 96))
    yield "resized.ts", resized(large, small)
    large, small = (replace(each, codec="mpeg2video", options=_FIXED) for each in (large, small))
    yield "resized-mpeg2.ts", resized(large, small, lost=(19,))


def _splices() -> Iterator[tuple[str, Maker]]:
    """Streams whose parameter sets change once, in the middle, and are not repeated."""
    first = _x264(frames=20, gop=5)
    for name, container in {"mp4": "mp4", "mkv": "matroska", "flv": "flv", "ts": "mpegts"}.items():
        part = replace(first, container=container)
        yield f"splice-pps.{name}", spliced(part, _x264("chroma-qp-offset=6:cabac=0", frames=20, gop=5))
        yield f"splice-sps.{name}", spliced(part, _x264("ref=5:level=4.1", frames=20, gop=5))
    hevc = _x265(frames=20)
    for name, container in {"mp4": "mp4", "mkv": "matroska", "ts": "mpegts"}.items():
        part = replace(hevc, container=container)
        yield f"splice-pps-hevc.{name}", spliced(part, _x265("open-gop=0:cbqpoffs=6:no-sign-hide=1", frames=20))
        yield f"splice-sps-hevc.{name}", spliced(part, _x265("open-gop=0:no-sao=1:ctu=16", frames=20))


def _clocks() -> Iterator[tuple[str, Maker]]:
    """Recordings whose clock starts again, or that count time from 1970."""
    first, second = _x264(fps=25, frames=20), _x264(fps=25, frames=17, first=20)
    for container, suffix, header in (("mpegts", "ts", 0), ("matroska", "mkv", 0), ("flv", "flv", 13)):
        parts = [replace(part, container=container) for part in (first, second)]
        yield f"clock-restarts.{suffix}", restarted(*parts, header=header)
    mpeg2 = [replace(_native("mpeg2video", bframes=2, container="mpeg", fps=25), frames=20, first=n) for n in (0, 20)]
    yield "clock-restarts.mpg", restarted(*mpeg2)
    late, early = (replace(first, container="mpegts", first=n, offset=offset) for n, offset in ((0, 900_000), (20, 0)))
    yield "clock-goes-back-far.ts", restarted(late, early)  # libavformat takes it for a clock that has run over
    yield "clock-runs-over.ts", _x264(fps=25, container="mpegts", offset=(1 << 33) // 3600 - 20).make
    yield "since-1970.mkv", _x264(fps=25, container="matroska", offset=25 * 1_700_000_000, frames=90).make
    yield "since-1970.mp4", _x264(fps=25, offset=25 * 1_700_000_000).make

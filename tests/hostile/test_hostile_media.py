"""Files that are not video, or claim what is not so: an error, and nothing else is opened, asked or filled."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from watching import watched

import reelbase
from reelbase.errors import LimitError, MediaError, ReelbaseError
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import BadHttpServer

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".flv", ".gif", ".png", ".jpg", "")


def playlists(secret: str, port: int) -> dict[str, bytes]:
    """Texts that FFmpeg would follow to other files and hosts."""
    host = f"http://127.0.0.1:{port}"
    return {
        "HLS to a file": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode(),
        "HLS to a host": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{host}/a.ts\n#EXT-X-ENDLIST\n".encode(),
        "HLS with a key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{host}/k"\n#EXTINF:1,\na.ts\n'.encode(),
        "concat": f"ffconcat version 1.0\nfile {secret}\n".encode(),
        "concat with options": f"ffconcat version 1.0\nfile '{secret}'\noption protocol_whitelist file\n".encode(),
        "SDP": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n".encode(),
        "DASH": f"<?xml version='1.0'?><MPD><Period><BaseURL>{host}/</BaseURL></Period></MPD>".encode(),
        "Smooth": f"<?xml version='1.0'?><SmoothStreamingMedia Url='{host}/'/>".encode(),
        "IMF": f"<?xml version='1.0'?><CompositionPlaylist><Id>{host}</Id></CompositionPlaylist>".encode(),
        "ASX": f"<asx version='3.0'><entry><ref href='{host}/a'/></entry></asx>".encode(),
        "PLS": f"[playlist]\nFile1={host}/a\n".encode(),
        "ffmetadata": b";FFMETADATA1\ntitle=x\n",
        "SubViewer": b"[INFORMATION]\n[SUBTITLE]\n00:00:00.00,00:00:01.00\nx\n",
        "a URL": f"{host}/a.mp4".encode(),
        "a shortcut": f"[InternetShortcut]\nURL={host}/a.mp4\n".encode(),
        "SVG": f"<svg xmlns:xlink='http://www.w3.org/1999/xlink'><image xlink:href='{host}/a'/></svg>".encode(),
        "a pickle": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
    }


NAMES = list(playlists("", 0))


@pytest.mark.parametrize("name", NAMES)
def test_playlists(name: str, clip: Clip, tmp_path: Path) -> None:
    """By each suffix, read, appended and linked: refused, and nobody was asked for anything else."""
    with BadHttpServer({}) as server:
        data = playlists(str(clip.path), int(server.url.rpartition(":")[2]))[name]
        ds = reelbase.empty("mem://playlists")
        ds.create_tensor("videos", htype="video")
        for suffix in SUFFIXES:
            path = tmp_path / f"file{suffix}"
            path.write_bytes(data)
            with watched() as seen:
                with pytest.raises(MediaError):
                    reelbase.read(path).shape  # noqa: B018
                with pytest.raises(MediaError):
                    ds.videos.append(reelbase.read(path))
            assert seen.files(tmp_path) == []
            assert seen.network == seen.programs == []
        assert not server.ledger
        assert len(ds.videos) == 0
        reelbase.delete("mem://playlists")


def test_a_playlist_behind_a_link(clip: Clip, tmp_path: Path) -> None:
    """The server that is asked is the one that was linked, and no other."""
    with BadHttpServer({}) as other, BadHttpServer({}) as server:
        texts = playlists(str(clip.path), int(other.url.rpartition(":")[2]))
        server.objects = {f"{number}.mp4": text for number, text in enumerate(texts.values())}
        ds = reelbase.empty(tmp_path / "ds")
        ds.create_tensor("links", htype="link[video]")
        for number in range(len(texts)):
            with pytest.raises(MediaError):
                ds.links.append(reelbase.link(f"{server.url}/{number}.mp4"))
        assert not other.ledger


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def changed(data: bytes, kind: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    """With every box of a kind changed; the function gets where its body starts."""
    out, at = bytearray(data), data.find(kind)
    assert at > 0, kind
    while at > 0:
        change(out, at + 4)
        at = data.find(kind, at + 4)
    return bytes(out)


def put(offset: int, form: str, *values: int) -> Callable[[bytearray, int], None]:
    return lambda data, at: struct.pack_into(form, data, at + offset, *values)


FORGED: dict[str, tuple[bytes, Callable[[bytearray, int], None]]] = {
    "stts with 2147483647 samples": (b"stts", put(8, ">I", 0x7FFFFFFF)),
    "stts with 4294967295 entries": (b"stts", put(4, ">I", 0xFFFFFFFF)),
    "stts with a huge step": (b"stts", put(12, ">I", 0xFFFFFFFF)),
    "stsz with 4294967295 samples": (b"stsz", put(8, ">I", 0xFFFFFFFF)),
    "stsz with a huge sample": (b"stsz", put(12, ">I", 0x7FFFFFFF)),
    "stsz with one size for all": (b"stsz", put(4, ">II", 1, 0x7FFFFFFF)),
    "stsc with 4294967295 entries": (b"stsc", put(4, ">I", 0xFFFFFFFF)),
    "stsc with a huge chunk": (b"stsc", put(12, ">I", 0xFFFFFFFF)),
    "stco with 4294967295 entries": (b"stco", put(4, ">I", 0xFFFFFFFF)),
    "stco past the end": (b"stco", put(8, ">I", 0xFFFFFFF0)),
    "ctts with 4294967295 entries": (b"ctts", put(4, ">I", 0xFFFFFFFF)),
    "ctts with a huge offset": (b"ctts", put(12, ">i", -0x7FFFFFFF)),
    "stss with 4294967295 entries": (b"stss", put(4, ">I", 0xFFFFFFFF)),
    "elst with a huge edit": (b"elst", put(8, ">I", 0xFFFFFFFF)),
    "elst with 4294967295 entries": (b"elst", put(4, ">I", 0xFFFFFFFF)),
    "no time scale": (b"mdhd", put(12, ">I", 0)),
    "no time scale of the film": (b"mvhd", put(12, ">I", 0)),
    "avcC with a huge SPS": (b"avcC", put(6, ">H", 0xFFFF)),
    "avcC of nothing": (b"avcC", put(0, ">IIB", 0, 0, 0)),
    "frames of 65535 x 65535": (b"avc1", put(24, ">HH", 0xFFFF, 0xFFFF)),
    "a box of size 0": (b"stbl", put(-8, ">I", 0)),
    "a box of size 1": (b"stbl", put(-8, ">I", 1)),
    "a box past the end": (b"moov", put(-8, ">I", 0x7FFFFFFF)),
    "an unknown codec": (b"avc1", put(-4, ">I", 0x7A7A7A7A)),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_boxes(name: str, clip: Clip, tmp_path: Path) -> None:
    """An error, or the frames of a file whose forged box does not matter; never others."""
    kind, change = FORGED[name]
    (tmp_path / "forged.mp4").write_bytes(changed(clip.path.read_bytes(), kind, change))
    ds = reelbase.empty("mem://forged")
    ds.create_tensor("videos", htype="video")
    said, frames = "", np.empty((0,))
    try:
        ds.videos.append(reelbase.read(tmp_path / "forged.mp4", check="full"))
        frames = ds.videos[0].numpy()
    except ReelbaseError as error:
        said = str(error)
    assert len(ds.videos) == (not said)
    assert not said or "forged.mp4" in said
    shown = [read_code(one) for one in frames]
    assert shown == sorted(shown), "frames out of order"
    assert set(shown) <= set(clip.codes.tolist()), "frames that are not there"
    reelbase.delete("mem://forged")


def test_data_references(clip: Clip, tmp_path: Path) -> None:
    """An mp4 may say that its samples are in another file, or at a URL (ISO/IEC 14496-12, 8.7.2): it is not opened."""
    secret = tmp_path / "elsewhere" / "secret.mp4"
    secret.parent.mkdir()
    secret.write_bytes(clip.path.read_bytes())
    data = clip.path.read_bytes()
    at = data.index(b"dref") - 4
    size = struct.unpack_from(">I", data, at)[0]
    with BadHttpServer({"secret.mp4": secret.read_bytes()}) as server:
        for place in (f"file://{secret}", str(secret), "elsewhere/secret.mp4", f"{server.url}/secret.mp4"):
            entry = box(b"url ", bytes(4), place.encode() + b"\0")
            forged = box(b"dref", bytes(4), struct.pack(">I", 1), entry)
            path = tmp_path / "refers.mp4"
            path.write_bytes(_grown(data, at, size, forged))
            with watched() as seen, suppress(ReelbaseError):
                reelbase.read(path)[3].numpy()
            assert not [one for one in seen.files(tmp_path) if "secret" in one]
            assert not [one for one in seen.events if "secret" in one[1] and one[0] == "open"]
            assert seen.network == []
        assert not server.ledger


def _grown(data: bytes, at: int, size: int, new: bytes) -> bytes:
    """With a box replaced; those around it are made longer, and chunks that are after it moved."""
    out = bytearray(data[:at] + new + data[at + size :])
    more = len(new) - size
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = out.index(kind) - 4
        struct.pack_into(">I", out, place, struct.unpack_from(">I", out, place)[0] + more)
    if data.index(b"mdat") > at:
        place = out.index(b"stco") + 8
        for number in range(struct.unpack_from(">I", out, place - 4)[0]):
            where = place + 4 * number
            struct.pack_into(">I", out, where, struct.unpack_from(">I", out, where)[0] + more)
    return bytes(out)


def test_polyglots(clip: Clip, tmp_path: Path) -> None:
    """A video that is a script, an archive or a page, too, is a video here, and nothing else is made of it."""
    tails = [
        b"\nffconcat version 1.0\nfile secret.mp4\n",
        b"PK\x05\x06" + bytes(18),
        b"<script>alert(1)</script>",
        b"#!/bin/sh\ntrue\n",
    ]
    for tail in tails:
        path = tmp_path / "polyglot.mp4"
        path.write_bytes(clip.path.read_bytes() + box(b"free", tail) + tail)
        with watched() as seen:
            assert read_code(reelbase.read(path)[5].numpy()) == clip.codes[5]
        assert seen.files(tmp_path) == []
        assert seen.network == seen.programs == []
    front = tmp_path / "front.mp4"
    front.write_bytes(b"ffconcat version 1.0\nfile clip.mp4\n#" + clip.path.read_bytes())
    with pytest.raises(MediaError):
        reelbase.read(front).shape  # noqa: B018


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1 << 20), 9) * 64
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


BOMB = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (600_000_000, 600_000_000))
import reelbase
from reelbase.errors import ReelbaseError
ds = reelbase.empty("mem://bombs")
ds.create_tensor("samples", htype=sys.argv[2])
try:
    ds.samples.append(reelbase.read(sys.argv[1]))
    ds.samples[0].numpy()
except ReelbaseError as error:
    print(type(error).__name__)
"""


def bombed(path: Path, htype: str) -> str:
    """What became of it in a process with 600 MB."""
    done = subprocess.run([sys.executable, "-c", BOMB, str(path), htype], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_picture_of_four_gigapixels(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(65_000, 65_000))
    assert bombed(tmp_path / "bomb.png", "image") == LimitError.__name__


def test_a_picture_that_is_larger_than_it_says(tmp_path: Path) -> None:
    """64 MB for 16 pixels: only those are made."""
    (tmp_path / "bomb.png").write_bytes(png(4, 4))
    assert bombed(tmp_path / "bomb.png", "image") in {"", "DamagedMediaError"}


def test_a_video_of_large_frames(tmp_path: Path) -> None:
    """199 kB that decode to 1.6 GB: refused before a frame is decoded."""
    av = pytest.importorskip("av")
    path = tmp_path / "bomb.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"preset": "ultrafast", "threads": "1"})
        stream.width = stream.height = 8704
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(8704, 8704, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for _ in range(2):
            frame.pts = None
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    assert path.stat().st_size < 1_000_000
    assert bombed(path, "video") == LimitError.__name__


def test_limits_of_frames(clip: Clip, security: Callable[..., None]) -> None:
    security(max_frames=23)
    with pytest.raises(LimitError):
        reelbase.read(clip.path).shape  # noqa: B018


def test_nothing_was_left_open() -> None:
    """The tests before this one, in this process, have let go of what they opened."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert len(os.listdir("/proc/self/fd")) < min(soft, 400)  # noqa: PTH208

"""libav opens the bytes it is given, by the demuxer it is told, and nothing else."""

from __future__ import annotations

import io
import socket
import threading

import numpy as np
import pytest

from reelbase.errors import DamagedMediaError, LimitError, MediaError, ReelbaseError, StorageError
from reelbase.plugin import Blob, BytesSource, Limits
from reelbase_plugins.video.demux import containers
from reelbase_plugins.video.demux.safe_open import SELF_CONTAINED, Reader, open_container

av = pytest.importorskip("av")

ALL = [containers.Mp4, containers.Mkv, containers.Avi, containers.Flv, containers.Ts, containers.Mpg, containers.Gif,
       containers.Asf, containers.Ivf, containers.Ogg, containers.Mxf, containers.Dv, containers.Rm]  # fmt: skip
FRAMES = np.zeros((3, 16, 16, 3), np.uint8)


def ingest(codec, data, **how):
    return codec.ingest(Blob.of(data), io.BytesIO(), filename="given.bin", **how)


@pytest.fixture
def listener():
    """A port of this machine and whether anybody connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        called = threading.Event()

        def wait():
            try:
                server.accept()[0].close()
                called.set()
            except OSError:
                return

        thread = threading.Thread(target=wait)
        thread.start()
        yield server.getsockname()[1], called
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("cls", ALL)
def test_playlists_open_nothing(cls, tmp_path, monkeypatch, listener):
    port, called = listener
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.mp4").write_bytes(containers.Mp4("mp4").encode(FRAMES))
    playlists = [
        b"ffconcat version 1.0\nfile secret.mp4\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n".encode(),
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n".encode(),
        f"<MPD><Period><BaseURL>http://127.0.0.1:{port}/</BaseURL></Period></MPD>".encode(),
    ]
    for playlist in playlists:
        with pytest.raises(ReelbaseError, match=r"given\.bin"):
            ingest(cls("x"), playlist)
    assert not called.is_set()


def test_only_self_contained_demuxers():
    assert not SELF_CONTAINED & {"concat", "hls", "dash", "sdp", "imf", "rtsp", "image2"}
    for demuxer in ("concat", "hls", "sdp"):
        with pytest.raises(MediaError, match=demuxer), open_container(Reader(Blob.of(b"x")), demuxer, filename="a"):
            pass


def test_the_reader_has_no_name_and_three_methods():
    reader = Reader(Blob.of(b"abc"))
    assert reader.name == ""
    assert not any(hasattr(reader, what) for what in ("fileno", "close", "write", "mode", "path"))


@pytest.mark.parametrize("size", [10, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_the_reader_reads_what_is_there(size):
    data = np.random.default_rng(size).bytes(size)
    reader = Reader(Blob.of(data))
    pieces = []
    while piece := reader.read(70_000):
        pieces.append(piece)
    assert b"".join(pieces) == data
    assert reader.seek(-5, io.SEEK_END) == size - 5
    assert b"".join(iter(lambda: reader.read(100), b"")) == data[-5:]
    assert reader.read_span(size // 2, size + 50) == data[size // 2 :]
    assert reader.has_at(data[3:9], 3)
    assert not reader.has_at(data[3:9], size - 2)
    assert not reader.has_at(b"x", -1)


class Breaking(BytesSource):
    """A storage that fails after the first block, in one of two ways."""

    error: BaseException

    def get(self, key, start=0, stop=None):
        if start:
            raise self.error
        return super().get(key, start, stop)


@pytest.mark.parametrize(
    ("cls", "muxer"), [(containers.Mp4, "mp4"), (containers.Mkv, "matroska"), (containers.Ts, "mpegts")]
)
@pytest.mark.parametrize("error", [StorageError("the disk is gone"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_errors_of_the_storage_come_through(cls, muxer, error, capfd):
    """PyAV goes on for ever after an error that is not an Exception, and prints others."""
    frames = np.random.default_rng(0).integers(0, 255, (12, 256, 256, 3), np.uint8)
    data = remuxed(containers.Mp4("mp4").encode(frames, lossless=True), muxer)
    assert len(data) > 1 << 20
    source = Breaking(data)
    source.error = error
    with pytest.raises(type(error)) as caught:
        cls(muxer).ingest(Blob(source, "key", 0, len(data)), io.BytesIO(), filename="a.bin")
    assert caught.value is error
    assert capfd.readouterr().err == ""


def remuxed(data, muxer):
    out = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(out, "w", format=muxer) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out.getvalue()


def test_limits():
    data = containers.Mp4("mp4").encode(FRAMES)
    with pytest.raises(LimitError, match="16x16"):
        ingest(containers.Mp4("mp4", limits=Limits(max_pixels=255)), data)
    with pytest.raises(LimitError, match="2 frames"):
        ingest(containers.Mp4("mp4", limits=Limits(max_frames=2)), data)
    assert ingest(containers.Mp4("mp4", limits=Limits(max_pixels=256, max_frames=3)), data).info.shape == (3, 16, 16, 3)


def test_no_video():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        frame.sample_rate = 44100
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"given\.bin holds no video, only: audio"):
        ingest(containers.Mp4("mp4"), file.getvalue())


def test_empty_and_cut():
    data = containers.Mp4("mp4").encode(FRAMES)
    with pytest.raises(DamagedMediaError, match=r"given\.bin is empty"):
        ingest(containers.Mp4("mp4"), b"")
    with pytest.raises(DamagedMediaError, match=r"given\.bin"):
        ingest(containers.Mp4("mp4"), data[: len(data) // 2])


def test_a_stream_that_is_not_there():
    with pytest.raises(MediaError, match="no video stream 3; it has 1"):
        ingest(containers.Mp4("mp4"), containers.Mp4("mp4").encode(FRAMES), stream=3)


def test_the_query_of_a_url_is_not_kept():
    data = containers.Mp4("mp4").encode(FRAMES)
    got = containers.Mp4("mp4").ingest(Blob.of(data), io.BytesIO(), filename="https://h/a.mp4?sig=SECRET")
    assert got.info.details["filename"] == "https://h/a.mp4"
    assert "SECRET" not in str(got)

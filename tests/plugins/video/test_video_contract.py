"""The video codecs keep the codec contract; each container by a clip of the corpus."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from reelbase.testing import CodecCase, FrameCodecTests
from reelbase_plugins.video.demux import containers
from shared_corpus import shared_corpus

pytest.importorskip("av")

CLIPS = {
    "h264-open-gop.mp4": containers.Mp4,
    "edit-middle.mov": containers.Mov,
    "h264-fields-apart.mkv": containers.Mkv,
    "vp8-hidden.webm": containers.Webm,
    "h264-b.avi": containers.Avi,
    "h264-b.flv": containers.Flv,
    "hevc-open-gop.ts": containers.Ts,
    "mpeg2-b.mpg": containers.Mpg,
    "gif.gif": containers.Gif,
    "wmv2.wmv": containers.Asf,
    "av1.ivf": containers.Ivf,
    "vp8.ogv": containers.Ogg,
    "mpeg2-b.mxf": containers.Mxf,
    "pal.dv": containers.Dv,
    "rv20.rm": containers.Rm,
    "mpeg4-packed.avi": containers.Avi,
    "turned-transversed.mp4": containers.Mp4,
    "h264-b-204-cut-packet.ts": containers.Ts,
    "apng-vfr-odd.apng": containers.Apng,
    "av1.avif": containers.Mp4,
    "h264-open-gop.264": containers.H264,
    "hevc-open-gop.265": containers.Hevc,
    "av1.obu": containers.Obu,
    "mpeg4-b.m4v": containers.M4v,
    "mpeg2-b.m2v": containers.Mpg,
    "raw-odd.y4m": containers.Y4m,
    "vfr.nut": containers.Nut,
}
ALL = shared_corpus()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Cases by the name of their clip, each made once."""

    @functools.cache
    def case(name):
        path = tmp_path_factory.mktemp("clip") / name
        ALL[name](path)
        return CodecCase(codec=CLIPS[name](path.suffix[1:]), data=path.read_bytes(), filename=name)

    return case


class TestContainers(FrameCodecTests):
    @pytest.fixture(params=CLIPS)
    def case(self, request, clips):
        return clips(request.param)


class TestEncoded(FrameCodecTests):
    @pytest.fixture(params=[(16, 24), (17, 25)], ids=str)
    def case(self, request):
        frames = np.random.default_rng(0).integers(0, 255, (5, *request.param, 3), np.uint8)
        codec = containers.Mp4("mp4")
        options = {"lossless": True}
        data = codec.encode(frames, **options)
        return CodecCase(codec=codec, data=data, filename="a.mp4", expected=frames, options=options)

"""A decoder that starts late knows what earlier packets said: files too long to be checked frame by frame at ingest."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.testing._edits import spliced
from reelbase.testing.clips import ClipRecipe, make_clip, read_code
from reelbase_plugins.video.bitstream.decoder_state import make_decoder_state
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig

av = pytest.importorskip("av")

FRAMES, GOP = 250, 10  # of each part; twice as many frames are too many for all starts to be checked
X265 = "log-level=none:pools=none:frame-threads=1:b-adapt=0:scenecut=0:keyint=10:min-keyint=10:open-gop=0"
H264 = ClipRecipe(frames=FRAMES, gop=GOP, bframes=2, options={"preset": "ultrafast"})
HEVC = ClipRecipe(codec="libx265", frames=FRAMES, options={"preset": "ultrafast", "x265-params": X265})


def after(recipe: ClipRecipe, params: str) -> ClipRecipe:
    """The second part: like the first, with other parameters of the encoder."""
    name = "x264-params" if recipe.codec == "libx264" else "x265-params"
    joined = ":".join(filter(None, [recipe.options.get(name, ""), params]))
    return ClipRecipe(
        codec=recipe.codec, frames=FRAMES, gop=GOP, bframes=recipe.bframes, options={**recipe.options, name: joined}
    )


SPLICES = {
    "H.264 PPS": (H264, after(H264, "chroma-qp-offset=6:cabac=0:8x8dct=0")),
    "H.264 SPS": (H264, after(H264, "ref=4:level=4.1")),
    "HEVC PPS": (HEVC, after(HEVC, "cbqpoffs=6:no-sign-hide=1")),
    "HEVC SPS": (HEVC, after(HEVC, "no-sao=1:ctu=16")),
}


def stored(path: Path) -> reelbase.View:
    ds = reelbase.empty(path.with_suffix(".ds"))
    ds.create_tensor("videos", htype="video").append(reelbase.read(path))
    return ds.videos[0]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("name", SPLICES)
def test_settings_that_changed_once(name: str, container: str, tmp_path: Path) -> None:
    first, then = SPLICES[name]
    clip = spliced(replace(first, container=container), then)(tmp_path / "joined")
    video = stored(clip.path)
    assert len(video.pts) == 2 * FRAMES
    # Backwards: a decoder that walks forwards has seen the first packet.
    jumps = range(2 * FRAMES - 1, 0, -GOP)
    assert [read_code(video[number].numpy()) for number in jumps] == clip.codes[jumps].tolist()
    assert [read_code(frame) for frame in video[5::7].numpy()] == clip.codes[5::7].tolist()
    assert video.sample_info["trust"] in ("full", "no_skip")


@pytest.fixture
def aged(tmp_path: Path) -> Path:
    """A 4:4:4 stream that claims, in its first packet alone, to be of an old x264, which coded them in another way.

    What comes out is no picture, but it is the same each time.
    """
    options = {"preset": "veryfast", "sc_threshold": "0"}
    clip = make_clip(tmp_path / "old.mp4", frames=2 * FRAMES, gop=GOP, bframes=2, pix_fmt="yuv444p", options=options)
    data = clip.path.read_bytes()
    aged = re.sub(rb"x264 - core \d{3}", b"x264 - core 148", data)
    assert aged != data
    clip.path.write_bytes(aged)
    return clip.path


def test_the_version_of_x264(aged: Path) -> None:
    with av.open(str(aged)) as file:
        file.streams.video[0].thread_type = "NONE"
        whole = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    video = stored(aged)
    wrong = [
        number for number in range(2 * FRAMES - 1, 0, -9) if not np.array_equal(video[number].numpy(), whole[number])
    ]
    assert not wrong


def test_a_decoder_is_given_the_version(aged: Path) -> None:
    with av.open(str(aged)) as file:
        stream = file.streams.video[0]
        config, state = (
            DecoderConfig.from_stream(stream, "mov"),
            make_decoder_state("h264", stream.codec_context.extradata),
        )
        packets = [bytes(packet) for packet in file.demux(stream) if packet.size]
    for number, data in enumerate(packets):
        state.read(number, data, start=number % GOP == 0)
    assert state.x264_builds == {0: 148}
    message = packets[0][: 4 + int.from_bytes(packets[0][:4], "big")]
    told = decode_one(config, message + packets[GOP])
    assert not np.array_equal(decode_one(config, packets[GOP]), told)
    np.testing.assert_array_equal(decode_one(replace(config, x264_builds=state.x264_builds), packets[GOP]), told)


def decode_one(config: DecoderConfig, data: bytes) -> np.ndarray:
    context = config.open_context(max_pixels=1 << 20, start=GOP)
    return [*context.decode(av.Packet(data)), *context.decode(None)][0].to_ndarray(format="rgb24")

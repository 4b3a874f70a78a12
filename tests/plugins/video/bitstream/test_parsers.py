"""What packet headers say, on hand-made headers and on encoders' output."""

from __future__ import annotations

import numpy as np
import pytest

from reelbase_plugins.video.bitstream.bit_reader import BitReader, unescape
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags
from reelbase_plugins.video.bitstream.parsers import make_parser
from shared_corpus import shared_corpus

av = pytest.importorskip("av")

START = b"\0\0\1"


def parse_clip(tmp_path, name):
    """Flags of each packet, and whether libav's own parser of the stream calls it a B picture."""
    path = tmp_path / name
    shared_corpus()[name](path)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        parser = make_parser(stream.codec_context.codec.canonical_name, stream.codec_context.extradata or b"")
        packets = [packet for packet in file.demux(stream) if packet.size]
        return [parser.parse(bytes(packet), key=packet.is_keyframe) for packet in packets]


def test_bits():
    bits = BitReader(bytes([0b10101100, 0b11100000]))
    assert [bits.u(1), bits.ue(), bits.u(2), bits.u(5)] == [1, 1, 3, 7]
    assert [BitReader(bytes([code])).ue() for code in (0b10000000, 0b01000000, 0b01100000, 0b00100000)] == [0, 1, 2, 3]
    assert [BitReader(bytes([code])).se() for code in (0b10000000, 0b01000000, 0b01100000, 0b00100000)] == [0, 1, -1, 2]
    assert BitReader(b"").ue() == 0
    assert unescape(b"a\0\0\3\1b") == b"a\0\0\1b"


@pytest.mark.parametrize(
    ("codec", "data", "key", "wanted"),
    [
        ("h264", START + b"\x01\x9a", False, PacketFlags.DISPOSABLE),
        ("h264", START + b"\x41\x9a", False, 0),
        ("h264", START + b"\x65\x88", True, PacketFlags.CLOSED),
        ("h264", START + b"\x06\x06\x01\x2c\x80" + START + b"\x41\x9a", True, PacketFlags.NO_START),
        ("h264", START + b"\x06\x06\x01\xc4\x80" + START + b"\x41\x9a", True, 0),
        ("hevc", START + b"\x26\x01\xaf", True, PacketFlags.CLOSED),
        ("hevc", START + b"\x2a\x01\xaf", True, PacketFlags.START),
        ("hevc", START + b"\x20\x01\xaf", True, PacketFlags.START | PacketFlags.UNSURE),
        ("hevc", START + b"\x00\x02\xaf", False, PacketFlags.DISPOSABLE | 1 << PacketFlags.LAYER_SHIFT),
        ("hevc", START + b"\x02\x01\xaf", True, PacketFlags.NO_START),
        ("mpeg2video", START + b"\0\0\x18\0\0", False, PacketFlags.DISPOSABLE),
        ("mpeg2video", START + b"\0\0\x10\0\0", False, 0),
        ("mpeg2video", START + b"\xb8\0\0\0\x40" + START + b"\0\0\x08\0\0", True, PacketFlags.CLOSED),
        ("mpeg4", START + b"\xb6\x80", False, PacketFlags.DISPOSABLE),
        ("mpeg4", START + b"\xb6\x40" + START + b"\xb6\x80", False, PacketFlags.UNSURE),
        ("vp8", b"\x10\0\0", True, 0),
        ("vp8", b"\x01\0\0", False, PacketFlags.HIDDEN),
        ("vp9", b"\x86\0\0", False, 0),
        ("vp9", b"\x84\0\0", False, PacketFlags.HIDDEN),
        ("vp9", b"\x88\0", False, 0),
        ("theora", b"anything", True, 0),
    ],
)
def test_headers(codec, data, key, wanted):
    assert make_parser(codec, b"").parse(data, key=key) == wanted


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "mpeg2video", "mpeg4", "vp8", "vp9"])
def test_any_bytes_are_survived(codec):
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 5, 9, 40, 400):
        for _ in range(50):
            noise = rng.bytes(size)
            for data in (noise, START + noise, b"\x12\0" + noise):
                make_parser(codec, noise).parse(data, key=True)
                make_parser(codec, b"\1" + noise).parse(data, key=False)


@pytest.mark.parametrize(
    ("name", "least"),
    [("h264-b.mp4", 0.2), ("h264-b.ts", 0.2), ("hevc-b.mp4", 0.2), ("mpeg2-b.ts", 0.3), ("mpeg4-b.mp4", 0.2)],
)
def test_b_frames_are_droppable(tmp_path, name, least):
    found = parse_clip(tmp_path, name)
    assert np.mean([flags & PacketFlags.DISPOSABLE for flags in found]) >= least


def test_layers_of_av1(tmp_path):
    found = parse_clip(tmp_path, "av1.mp4")
    assert any(flags & PacketFlags.DISPOSABLE for flags in found)
    assert not found[0] & PacketFlags.DISPOSABLE


def test_second_fields(tmp_path):
    found = parse_clip(tmp_path, "h264-fields.ts")
    seconds = [bool(flags & PacketFlags.CONTINUES) for flags in found]
    assert seconds == [False, True] * (len(seconds) // 2)


def test_intra_refresh_has_one_start(tmp_path):
    found = parse_clip(tmp_path, "h264-intra-refresh.mp4")
    assert found[0] & PacketFlags.CLOSED
    assert any(flags & PacketFlags.NO_START for flags in found)

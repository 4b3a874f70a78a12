"""Alpha that WebM and Matroska keep beside the packets: the values are those of libvpx, which decodes both together."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
from known_values import make_frame, write_frames

import reelbase
from reelbase.errors import CorruptObjectError, DamagedMediaError, UsageError
from reelbase.plugin import Blob
from reelbase_plugins.video.demux import containers
from reelbase_plugins.video.demux.block_additions import find_alpha

av = pytest.importorskip("av")

HEIGHT, WIDTH, FRAMES = 48, 64, 30


def moving_frames(*, cut_colour=None, cut_alpha=None):
    """Smooth pictures, with a cut in the colours or in the alpha that makes encoders write a key frame."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    frames = []
    for number in range(FRAMES):
        colour = (rows * 3 + columns * 2 + 5 * number) % 256
        colour = 255 - colour if cut_colour and number >= cut_colour else colour
        alpha = (columns * 4 + 7 * number) % 256
        alpha = (rows * 91 + columns * 57) % 256 if cut_alpha and number >= cut_alpha else alpha
        chroma = np.full((HEIGHT // 2, WIDTH // 2), 100 + number, np.uint8)
        frames.append(make_frame("yuva420p", [colour.astype(np.uint8), chroma, chroma, alpha.astype(np.uint8)]))
    return frames


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """Makes a file with alpha; returns its path, and the planes that libvpx decodes of each frame."""
    folder = tmp_path_factory.mktemp("alpha")
    made = {}

    def make(codec="libvpx-vp9", suffix=".webm", *, gop=10, **cuts):
        key = (codec, suffix, gop, *cuts.items())
        if key not in made:
            options = {"crf": "20", "b": "0"} if codec == "libvpx-vp9" else {"b": "2M", "auto-alt-ref": "0"}
            path = folder / f"{len(made)}{suffix}"
            write_frames(path, moving_frames(**cuts), codec=codec, options=options, gop=gop)
            made[key] = path, decode_with_libvpx(path, {"libvpx-vp9": "libvpx-vp9", "libvpx": "libvpx"}[codec])
        return made[key]

    return make


def decode_with_libvpx(path, decoder):
    """The planes of every frame; libvpx gets the side data of packets and decodes their alpha with them."""
    context = av.CodecContext.create(decoder, "r")
    frames = []
    with av.open(str(path)) as file:
        for packet in file.demux(video=0):
            frames += context.decode(packet) if packet.size else []
    frames += context.decode(None)
    assert {frame.format.name for frame in frames} == {"yuva420p"}
    return [
        {
            name: np.ndarray((plane.height, plane.line_size), np.uint8, buffer=plane)[:, : plane.width].copy()
            for name, plane in zip("yuva", frame.planes, strict=True)
        }
        for frame in frames
    ]


@pytest.mark.parametrize(("codec", "suffix"), [("libvpx-vp9", ".webm"), ("libvpx-vp9", ".mkv"), ("libvpx", ".webm")])
def test_planes_are_those_of_libvpx(coded, codec, suffix):
    path, expected = coded(codec, suffix)
    video = reelbase.read(path)
    assert (len(video), video.sample_info["alpha"], video.sample_info["pix_fmt"]) == (FRAMES, True, "yuva420p")
    for request in (slice(None), [25, 3, 3, 14], slice(None, None, -7)):
        planes = video[request].numpy(pixels="yuv")
        for name in "yuva":
            wanted = np.stack([expected[number][name] for number in np.arange(FRAMES)[request]])
            np.testing.assert_array_equal(planes[name], wanted)
    for number in (29, 10, 9, 0):
        rgba = video[number].numpy(pixels="rgba")
        np.testing.assert_array_equal(rgba[..., 3], expected[number]["a"])
        np.testing.assert_array_equal(rgba[..., :3], video[number].numpy())
    for number, frame in enumerate(video.frames(pixels="rgba")):
        np.testing.assert_array_equal(frame[..., 3], expected[number]["a"])
    assert video[:3].numpy(pixels="rgba", size=(10, 12)).shape == (3, 10, 12, 4)


@pytest.mark.parametrize("cuts", [{"cut_colour": 13}, {"cut_alpha": 17}, {"cut_colour": 13, "cut_alpha": 17}], ids=str)
def test_key_frames_of_colour_and_alpha_may_differ(coded, cuts):
    """Each frame alone: a key frame of the colours is no start of the alpha."""
    path, expected = coded(gop=250, **cuts)
    video = reelbase.read(path)
    for number in reversed(range(FRAMES)):
        np.testing.assert_array_equal(video[number].numpy(pixels="yuv")["a"], expected[number]["a"])


def test_start_of_the_colours_that_is_no_start_of_the_alpha(coded, tmp_path):
    """Two files of which one has more key frames: the colours of one are put beside the alpha of the other."""
    often, _ = coded(gop=5)
    seldom, expected = coded(gop=250)
    path = tmp_path / "mixed.webm"
    path.write_bytes(mix(often, seldom))
    wanted = decode_with_libvpx(path, "libvpx-vp9")
    video = reelbase.read(path)
    assert video.sample_info["key_frames"] == 6
    for number in (29, 12, 7, 3):
        planes = video[number].numpy(pixels="yuv")
        for name in "yuva":
            np.testing.assert_array_equal(planes[name], wanted[number][name])
        np.testing.assert_array_equal(planes["a"], expected[number]["a"])
    np.testing.assert_array_equal(video[[29, 3]].numpy(pixels="rgba")[..., 3], [expected[29]["a"], expected[3]["a"]])


def mix(colours, alphas):
    """A WebM with the packets of one file and the block additions of another."""
    target = io.BytesIO()
    with av.open(str(colours)) as first, av.open(str(alphas)) as second, av.open(target, "w", format="webm") as out:
        stream = out.add_stream_from_template(first.streams.video[0])
        stream.metadata["alpha_mode"] = "1"
        additions = [packet for packet in second.demux(video=0) if packet.size]
        packets = [packet for packet in first.demux(video=0) if packet.size]
        for packet, other in zip(packets, additions, strict=True):
            packet.set_sidedata(other.get_sidedata("matroska_block_additional"))
            packet.stream = stream
            out.mux(packet)
    return target.getvalue()


def test_file_of_alpha_that_is_linked_and_stored(coded, tmp_path):
    path, expected = coded()
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    ds.create_tensor("videos", htype="video")
    ds.append({"links": reelbase.link(path.as_uri()), "videos": reelbase.read(path)})
    for view in (ds.links[0], reelbase.load(tmp_path / "ds").videos[0]):
        np.testing.assert_array_equal(view[11].numpy(pixels="rgba")[..., 3], expected[11]["a"])


def test_some_packets_without_alpha(coded, tmp_path):
    """What there is of alpha is said, and that it cannot be read; it is not taken for opaque."""
    path, _ = coded()
    data = path.read_bytes()
    at = data.index(b"\x75\xa1", len(data) // 2)
    damaged = tmp_path / "some.webm"
    damaged.write_bytes(data[:at] + void_of(data, at))
    video = reelbase.read(damaged)
    assert video.sample_info["alpha"]
    for pixels in ("rgba", "yuv"):
        with pytest.raises(UsageError, match="alpha of this video cannot be read"):
            video[3].numpy(pixels=pixels)
    assert video[3].numpy(pixels="rgb48").shape == (HEIGHT, WIDTH, 3)


def void_of(data, at):
    """The bytes from `at` on, with the element there made a Void (EC) of the same length."""
    size_bytes = 9 - data[at + 2].bit_length()
    size = int.from_bytes(data[at + 2 : at + 2 + size_bytes]) & ((1 << 7 * size_bytes) - 1)
    whole = 2 + size_bytes + size
    return b"\xec\x01" + (whole - 9).to_bytes(7) + bytes(whole - 9) + data[at + whole :]


def test_alpha_that_was_damaged_later(coded):
    data = coded()[0].read_bytes()
    codec = containers.Webm("webm")
    index = codec.ingest(Blob.of(data), io.BytesIO(), filename="a.webm").index
    damaged = Blob.of(data.replace(b"\x75\xa1", b"\x75\xa2"))
    for read in (codec.decode_planes, functools.partial(codec.decode, pixels="rgba")):
        with pytest.raises(DamagedMediaError, match="has no alpha after it"):
            read(damaged, index.plan(np.array([3])))


def test_one_bit_of_alpha(coded):
    """The alpha has checksums of its own."""
    data = coded()[0].read_bytes()
    codec = containers.Webm("webm")
    index = codec.ingest(Blob.of(data), io.BytesIO(), filename="a.webm").index
    plan = index.plan(np.array([3]))
    end = int(index.pos[2] + index.size[2])
    start, stop = find_alpha(data[end : end + 96])
    spoilt = bytearray(data)
    spoilt[end + stop - 2] ^= 8
    assert (stop - start > 8, len(codec.decode(Blob.of(bytes(spoilt)), plan))) == (True, 1)
    with pytest.raises(CorruptObjectError, match="Packet 2"):
        codec.decode(Blob.of(bytes(spoilt)), plan, pixels="rgba")


def test_videos_without_alpha_beside_them(tmp_path):
    frame = make_frame("yuv420p", [np.full((48, 64), 99, np.uint8), *[np.full((24, 32), 128, np.uint8)] * 2])
    path = write_frames(tmp_path / "opaque.webm", [frame] * 5, codec="libvpx-vp9", options={"crf": "20", "b": "0"})
    video = reelbase.read(path)
    assert (video.sample_info["alpha"], video.sample_info["pix_fmt"]) == (False, "yuv420p")
    assert list(video[2].numpy(pixels="yuv")) == ["y", "u", "v"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x75\xa1\x88\xa6\x86\xee\x81\x01\xa5\x81\x42", (10, 11)),
        (b"\x9b\x81\x14\xfb\x81\x9c\x75\xa1\x88\xa6\x86\xee\x81\x01\xa5\x81\x42", (16, 17)),
        (b"\x75\xa1\x85\xa6\x83\xa5\x81\x42", (7, 8)),  # the identifier is 1 if it is left out
        (b"\x75\xa1\x88\xa6\x86\xee\x81\x04\xa5\x81\x42", None),  # HDR10+
        (b"\xa0\x90\xa1\x8e", None),  # the next block group
        (b"\xa3\x81\x00", None),
        (b"", None),
        (b"\x00" * 40, None),
        (b"\x75", None),
        (b"\xec\xbf" + b"\x00" * 3, None),
    ],
)
def test_where_alpha_is(head, expected):
    assert find_alpha(head) == expected

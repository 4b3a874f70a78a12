"""``numpy(pixels=…)`` and ``frames(pixels=…)``: the values are those that were encoded, or that PyAV converts to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from known_values import make_frame, write_frames

import reelbase
from reelbase import config, registry
from reelbase.errors import FrameSizeError, MediaError, SampleIndexError, UsageError
from reelbase.testing.clips import make_clip, upright
from reelbase_plugins.video.decoding.convert import FrameConverter
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
from reelbase_plugins.video.decoding.planes import _PLANAR_OF_PACKED, PlaneConverter
from shared_corpus import shared_corpus

av = pytest.importorskip("av")

HEIGHT, WIDTH, FRAMES = 37, 51, 9
FORMS = {
    "rgb24": (3, "uint8"),
    "rgba": (4, "uint8"),
    "gray": (1, "uint8"),
    "rgb48": (3, "uint16"),
    "gray16": (1, "uint16"),
}
#: Planes of a format: name, and what height and width are divided by.
PLANES = {
    "yuv420p": {"y": (1, 1), "u": (2, 2), "v": (2, 2)},
    "yuv420p10le": {"y": (1, 1), "u": (2, 2), "v": (2, 2)},
    "yuv422p10le": {"y": (1, 1), "u": (1, 2), "v": (1, 2)},
    "yuv422p12le": {"y": (1, 1), "u": (1, 2), "v": (1, 2)},
    "yuv444p": {"y": (1, 1), "u": (1, 1), "v": (1, 1)},
    "yuv444p10le": {"y": (1, 1), "u": (1, 1), "v": (1, 1)},
    "yuv444p16le": {"y": (1, 1), "u": (1, 1), "v": (1, 1)},
    "yuv411p": {"y": (1, 1), "u": (1, 4), "v": (1, 4)},
    "yuva420p10le": {"y": (1, 1), "u": (2, 2), "v": (2, 2), "a": (1, 1)},
    "yuva444p": {"y": (1, 1), "u": (1, 1), "v": (1, 1), "a": (1, 1)},
    "gray": {"y": (1, 1)},
    "gray10le": {"y": (1, 1)},
    "gray16le": {"y": (1, 1)},
}


def random_planes(pix_fmt, height=HEIGHT, width=WIDTH, seed=0):
    bits = av.VideoFormat(pix_fmt).components[0].bits
    pick = np.random.default_rng(seed)
    dtype = np.uint8 if bits == 8 else np.uint16
    return {
        name: pick.integers(0, 1 << bits, (-(-height // down), -(-width // across)), dtype)
        for name, (down, across) in PLANES[pix_fmt].items()
    }


@pytest.fixture(scope="module")
def lossless(tmp_path_factory):
    """Makes a video of `FRAMES` frames of random values, coded without loss; returns its path and what is in it."""
    folder = tmp_path_factory.mktemp("lossless")
    made = {}

    def make(pix_fmt, codec="ffv1", **how):
        key = (pix_fmt, codec)
        if key not in made:
            stored = [random_planes(pix_fmt, seed=number) for number in range(FRAMES)]
            frames = [make_frame(pix_fmt, planes.values()) for planes in stored]
            made[key] = write_frames(folder / f"{pix_fmt}-{codec}.mkv", frames, codec=codec, **how), stored
        return made[key]

    return make


def decode_plainly(path):
    with av.open(str(path)) as file:
        return list(file.decode(video=0))


@pytest.mark.parametrize("pix_fmt", PLANES)
def test_planes_are_what_was_encoded(lossless, pix_fmt):
    path, stored = lossless(pix_fmt)
    video = reelbase.read(path)
    for request in (slice(None), [7, 2, 2, 0], slice(None, None, -3)):
        planes = video[request].numpy(pixels="yuv")
        assert list(planes) == list(PLANES[pix_fmt])
        for name, plane in planes.items():
            wanted = np.stack([stored[number][name] for number in np.arange(FRAMES)[request]])
            np.testing.assert_array_equal(plane, wanted)
            assert plane.dtype == wanted.dtype


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_planes_of_lossless_codecs_with_inter_frames(lossless, codec):
    options = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "lossless=1:log-level=none"}}[codec]
    path, stored = lossless("yuv444p10le", codec, options=options)
    video = reelbase.read(path)
    assert (video.sample_info["bits"], video.sample_info["alpha"]) == (10, False)
    for number in (5, 8, 1):
        planes = video[number].numpy(pixels="yuv")
        for name, plane in planes.items():
            np.testing.assert_array_equal(plane, stored[number][name])


def test_planes_of_one_frame_of_none_and_one_by_one(lossless):
    path, stored = lossless("yuv420p")
    video = reelbase.read(path)
    one, none = video[3].numpy(pixels="yuv"), video[4:4].numpy(pixels="yuv")
    assert {name: plane.shape for name, plane in one.items()} == {"y": (37, 51), "u": (19, 26), "v": (19, 26)}
    assert {name: plane.shape for name, plane in none.items()} == {"y": (0, 37, 51), "u": (0, 19, 26), "v": (0, 19, 26)}
    walked = list(video[1::2].frames(pixels="yuv"))
    assert len(walked) == 4
    for number, planes in zip((1, 3, 5, 7), walked, strict=True):
        for name, plane in planes.items():
            np.testing.assert_array_equal(plane, stored[number][name])


def test_planes_take_frames_only(lossless):
    video = reelbase.read(lossless("yuv420p")[0])
    for view in (video[0, 3:9], video[:, :, :, 0], video[2:5][:, 1], video[[0, 1], 2]):
        with pytest.raises(SampleIndexError, match="whole planes"):
            view.numpy(pixels="yuv")
    with pytest.raises(UsageError, match="size= and out="):
        video[0].numpy(pixels="yuv", size=(8, 8))
    with pytest.raises(UsageError, match="size="):
        list(video.frames(pixels="yuv", size=(8, 8)))
    with pytest.raises(UsageError, match="out="):
        video[0].numpy(pixels="yuv", out=np.zeros((37, 51), np.uint8))


def test_planes_are_not_turned(tmp_path):
    clip = make_clip(tmp_path / "turned.mp4", frames=4, matrix=(0, 1, -1, 0), size=(96, 128))
    video = reelbase.read(clip.path)
    plain = decode_plainly(clip.path)[2]
    planes = video[2].numpy(pixels="yuv")
    assert (video.shape[1:3], planes["y"].shape, video.sample_info["rotation"]) == ((96, 128), (128, 96), -90.0)
    np.testing.assert_array_equal(planes["y"], plain.to_ndarray()[:128])
    gray = video[2].numpy(pixels="gray16")
    np.testing.assert_array_equal(
        gray[..., 0], upright(plain.to_ndarray(format="gray16le")[..., None], clip.matrix)[..., 0]
    )


def test_rgb_has_no_planes(tmp_path):
    path = write_frames(tmp_path / "rgb.mkv", [av.VideoFrame(16, 16, "gbrp10le") for _ in range(3)], codec="ffv1")
    with pytest.raises(UsageError, match="Frame 1 is gbrp10le: it has no planes of luma and chroma"):
        reelbase.read(path)[1].numpy(pixels="yuv")


@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv420p10le", "yuv422p12le", "yuv444p16le", "yuva420p10le", "gray10le", "gray"]
)
@pytest.mark.parametrize("pixels", FORMS)
def test_forms_are_what_pyav_converts_to(lossless, pix_fmt, pixels):
    path, _ = lossless(pix_fmt)
    channels, dtype = FORMS[pixels]
    name = pixels + ("le" if dtype == "uint16" else "")
    shape = (HEIGHT, WIDTH, channels)
    plain = [frame.reformat(format=name, threads=1).to_ndarray().reshape(shape) for frame in decode_plainly(path)]
    video = reelbase.read(path)
    got = video[[5, 0, 8]].numpy(pixels=pixels)
    assert (got.shape, got.dtype) == ((3, HEIGHT, WIDTH, channels), dtype)
    np.testing.assert_array_equal(got, np.stack([plain[number] for number in (5, 0, 8)]))
    for number, frame in enumerate(video.frames(pixels=pixels)):
        np.testing.assert_array_equal(frame, plain[number])
    row = video[2, 3:9, ::4, 0].numpy(pixels=pixels)
    np.testing.assert_array_equal(row, plain[2][3:9, ::4, 0])
    small = video[:2].numpy(pixels=pixels, size=(10, 12), out=np.empty((2, 10, 12, channels), dtype))
    assert small.shape == (2, 10, 12, channels)


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "gray10le", "gbrp10le", "yuv444p12le"])
@pytest.mark.parametrize("pixels", ["gray16", "rgb48"])
def test_more_than_eight_bits_are_kept(tmp_path, pix_fmt, pixels):
    """A ramp of every 10-bit value has more than 256 of them afterwards, at most 1/2 of 1/256 off."""
    bits = av.VideoFormat(pix_fmt).components[0].bits
    ramp = np.tile(np.arange(1024, dtype=np.uint16) << (bits - 10), (4, 1))
    layout = av.VideoFormat(pix_fmt, 1024, 4)
    is_yuv = pix_fmt.startswith("yuv")
    planes = [
        ramp if not is_yuv or number == 0 else np.full((part.height, part.width), 1 << (bits - 1), np.uint16)
        for number, part in enumerate(layout.components)
    ]
    tags = {"color_range": 2, "colorspace": 1} if is_yuv else {}
    path = write_frames(tmp_path / "ramp.mkv", [make_frame(pix_fmt, planes)], codec="ffv1", tags=tags)
    got = reelbase.read(path)[0, 1, :, 0].numpy(pixels=pixels).astype(float)
    assert len(np.unique(got)) >= 1020
    assert np.abs(got - np.arange(1024) / 1023 * 65535).max() < 256
    assert len(np.unique(reelbase.read(path)[0, 1, :, 0].numpy())) <= 256


def test_alpha_in_frames(lossless):
    path, stored = lossless("yuva444p")
    video = reelbase.read(path)
    assert video.sample_info["alpha"]
    assert video.sample_info["pix_fmt"] == "yuva444p"
    np.testing.assert_array_equal(video[4].numpy(pixels="rgba")[..., 3], stored[4]["a"])
    np.testing.assert_array_equal(video[4].numpy(pixels="rgba")[..., :3], video[4].numpy())
    opaque = reelbase.read(lossless("yuv420p")[0])
    assert not opaque.sample_info["alpha"]
    assert (opaque[:].numpy(pixels="rgba")[..., 3] == 255).all()


@pytest.mark.parametrize(("alpha", "expected"), [(0xFF, False), (0x80, True)])
def test_alpha_of_a_palette(tmp_path, alpha, expected):
    from reelbase_plugins.video.indexing.build import has_alpha

    frame = av.VideoFrame(16, 8, "pal8")
    np.ndarray((8, frame.planes[0].line_size), np.uint8, buffer=frame.planes[0])[:] = 5
    palette = np.ndarray(256, np.uint32, buffer=frame.planes[1])
    palette[:], palette[5] = 0, alpha << 24
    assert has_alpha(frame) is expected


def test_words_that_are_none(lossless):
    video = reelbase.read(lossless("yuv420p")[0])
    for wrong in ("rgb", "RGB24", "", 24, ("gray",)):
        with pytest.raises(UsageError, match="is not one of 'rgb24', 'rgba', 'gray', 'rgb48', 'gray16', 'yuv'"):
            video.numpy(pixels=wrong)
        with pytest.raises(UsageError, match=r"pixels=.* is not one of"):
            next(video.frames(pixels=wrong))


def test_rows_sequences_and_other_tensors(lossless, tmp_path):
    path, stored = lossless("yuv444p10le", "libx264", options={"qp": "0"})
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("cuts", htype="sequence[video]")
    ds.create_tensor("labels", htype="class_label", class_names=["a"])
    ds.append({"videos": reelbase.read(path), "cuts": [reelbase.read(path)] * 2, "labels": [0]})
    ds.append({"videos": reelbase.read(path), "cuts": [reelbase.read(path)], "labels": [0]})
    assert ds.videos[:, 2:5].numpy(pixels="gray16").shape == (2, 3, HEIGHT, WIDTH, 1)
    planes = ds.videos[:, 2:5].numpy(pixels="yuv")
    assert [part["y"].shape for part in planes] == [(3, HEIGHT, WIDTH)] * 2
    np.testing.assert_array_equal(planes[1]["v"][0], stored[2]["v"])
    np.testing.assert_array_equal(ds.cuts[0, 1, 3].numpy(pixels="yuv")["u"], stored[3]["u"])
    assert ds.cuts[0].numpy(pixels="rgb48").shape == (2, FRAMES, HEIGHT, WIDTH, 3)
    with pytest.raises(UsageError, match="is for pictures"):
        ds.labels[0].numpy(pixels="gray")
    for narrow in (ds.videos[:, 2], ds.videos[0, 2], ds.videos[0, 2, :, :, :]):
        with pytest.raises(UsageError, match="uint8"):
            narrow.numpy(pixels="gray16", out=np.empty(narrow.numpy(pixels="gray16").shape, np.uint8))


def test_linked_videos(lossless, tmp_path):
    path, stored = lossless("yuv444p10le", "libx264", options={"qp": "0"})
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    ds.links.append(reelbase.link(path.as_uri()))
    np.testing.assert_array_equal(ds.links[0, 6].numpy(pixels="yuv")["y"], stored[6]["y"])
    assert ds.links[0, 6].numpy(pixels="rgb48").dtype == np.uint16


def test_frames_of_another_size(tmp_path):
    clip = shared_corpus()["resized.ts"](tmp_path / "resized.ts")
    with pytest.raises(FrameSizeError, match="but the video starts with"):
        reelbase.read(clip.path).numpy(pixels="yuv")
    assert reelbase.read(clip.path)[0].numpy(pixels="yuv")["y"].shape == clip.size


def test_format_that_changes_midway(tmp_path):
    """From 4:2:0 to 4:4:4 in one H.264 stream: planes of both do not fit in one array, converted pictures do."""
    stored = {name: [random_planes(name, 48, 64, number) for number in range(4)] for name in ("yuv420p", "yuv444p")}
    paths = []
    for name, pictures in stored.items():
        frames = [make_frame(name, planes.values()) for planes in pictures]
        options = {"qp": "0", "x264-params": "annexb=1"}
        paths.append(write_frames(tmp_path / f"{name}.ts", frames, codec="libx264", options=options))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(path.read_bytes() for path in paths))
    video = reelbase.read(joined)
    assert len(video) == 8
    assert video.numpy(pixels="rgb48").shape == (8, 48, 64, 3)
    np.testing.assert_array_equal(video[6].numpy(pixels="yuv")["u"], stored["yuv444p"][2]["u"])
    with pytest.raises(MediaError, match="other planes than the frames before it"):
        video[[1, 6]].numpy(pixels="yuv")


@pytest.fixture
def isolated(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("REELBASE_SECURITY__ISOLATE_DECODE", "true")
    config.reset()
    registry.reset()
    yield
    monkeypatch.undo()
    config.reset()
    registry.reset()


def test_in_a_process_of_its_own(lossless, isolated):
    path, stored = lossless("yuva420p10le")
    video = reelbase.read(path)
    for name, plane in video[[4, 1]].numpy(pixels="yuv").items():
        np.testing.assert_array_equal(plane, np.stack([stored[4][name], stored[1][name]]))
    for pixels, (channels, dtype) in FORMS.items():
        got = video[:3].numpy(pixels=pixels)
        assert (got.shape, got.dtype) == ((3, HEIGHT, WIDTH, channels), dtype)
    assert [frame["a"].shape for frame in video[:2].frames(pixels="yuv")] == [(HEIGHT, WIDTH)] * 2


PACKED = [
    f"{name}{suffix}"
    for name in _PLANAR_OF_PACKED
    for suffix in ("", "le")
    if f"{name}{suffix}" in av.video.format.names
]


@pytest.mark.parametrize("pix_fmt", PACKED)
@pytest.mark.parametrize("color_range", [1, 2])
def test_packed_formats_give_the_same_values(pix_fmt, color_range):
    """Values go from planes of their own to the packed format, by swscale, and back."""
    planar = _PLANAR_OF_PACKED[pix_fmt.removesuffix("le")]
    planar += "" if planar.endswith("p") else "le"
    layout = av.VideoFormat(planar, 38, 22)
    pick = np.random.default_rng(3)
    dtype = np.uint8 if layout.components[0].bits == 8 else np.uint16
    values = [pick.integers(0, 1 << part.bits, (part.height, part.width), dtype) for part in layout.components]
    frame = make_frame(planar, values)
    frame.color_range, frame.colorspace = color_range, 6
    packed = frame.reformat(format=pix_fmt, threads=1)
    assert packed.format.name == pix_fmt
    got = PlaneConverter(DecoderConfig(decoder="", codec="", demuxer="", stream=0, size=(38, 22))).convert(packed, "It")
    assert list(got) == ["y", "u", "v", "a"][: len(values)]
    for plane, wanted in zip(got.values(), values, strict=True):
        np.testing.assert_array_equal(plane, wanted)


@pytest.mark.parametrize("pix_fmt", ["uyvy422", "yuyv422"])
def test_packed_video(tmp_path, pix_fmt):
    """By numpy, from the bytes of the file: what is luma and chroma does not rest on swscale alone."""
    bytes_of_lines = np.random.default_rng(4).integers(0, 256, (22, 76), np.uint8)
    frame = av.VideoFrame(38, 22, pix_fmt)
    np.ndarray((22, frame.planes[0].line_size), np.uint8, buffer=frame.planes[0])[:, :76] = bytes_of_lines
    path = write_frames(tmp_path / "packed.avi", [frame] * 2, codec="rawvideo")
    first = 1 if pix_fmt == "uyvy422" else 0
    planes = reelbase.read(path)[1].numpy(pixels="yuv")
    np.testing.assert_array_equal(planes["y"], bytes_of_lines[:, first::2])
    np.testing.assert_array_equal(planes["u"], bytes_of_lines[:, 1 - first :: 4])
    np.testing.assert_array_equal(planes["v"], bytes_of_lines[:, 3 - first :: 4])


@pytest.mark.parametrize("pix_fmt", ["ya8", "ya16le", "ya16be", "gray12be", "yuv422p10be"])
def test_gray_with_alpha_and_big_endian(pix_fmt):
    layout = av.VideoFormat(pix_fmt, 12, 8)
    is_paired = pix_fmt.startswith("ya")
    stored = np.dtype("u1" if layout.components[0].bits == 8 else ">u2" if pix_fmt.endswith("be") else "<u2")
    pick = np.random.default_rng(5)
    parts = layout.components[:1] if is_paired else layout.components
    shapes = [(part.height, part.width * (2 if is_paired else 1)) for part in parts]
    values = [pick.integers(0, 1 << layout.components[0].bits, shape).astype(stored) for shape in shapes]
    frame = av.VideoFrame(12, 8, pix_fmt)
    for plane, lines in zip(frame.planes, values, strict=False):
        np.ndarray((plane.height, plane.line_size // stored.itemsize), stored, buffer=plane)[:, : lines.shape[1]] = (
            lines
        )
    got = PlaneConverter(DecoderConfig(decoder="", codec="", demuxer="", stream=0, size=(12, 8))).convert(frame, "It")
    wanted = [values[0][:, ::2], values[0][:, 1::2]] if is_paired else values
    assert list(got) == (["y", "a"] if is_paired else ["y", "u", "v"][: len(values)])
    for plane, expected in zip(got.values(), wanted, strict=True):
        np.testing.assert_array_equal(plane, expected)
        assert plane.dtype.isnative


@pytest.mark.parametrize("pix_fmt", ["x2rgb10be", "yaf32le"])
def test_formats_that_swscale_cannot_read(pix_fmt):
    """`yaf32le` ends the process if swscale gets it."""
    converter = FrameConverter(DecoderConfig(decoder="", codec="", demuxer="", stream=0, size=(16, 16)), None)
    with pytest.raises(MediaError, match=f"clip.mkv cannot be converted from {pix_fmt} to RGB"):
        converter.convert(av.VideoFrame(16, 16, pix_fmt), "clip.mkv")

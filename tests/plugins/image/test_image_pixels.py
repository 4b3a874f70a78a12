"""``numpy(pixels=…)`` of images: the forms of PNG and JPEG, by value."""

from __future__ import annotations

import io

import numpy as np
import pytest
from test_png import write_png

import reelbase
from reelbase.errors import SampleIndexError, UsageError
from reelbase_plugins.image import libav
from reelbase_plugins.image.jpeg import JpegCodec

av = pytest.importorskip("av")

DEEP = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)


@pytest.fixture
def images(tmp_path):
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("images", htype="image")
    return ds.images


def test_sixteen_bits(images):
    images.append(DEEP)
    image = images[0]
    np.testing.assert_array_equal(image.numpy(), DEEP)
    np.testing.assert_array_equal(image.numpy(pixels="rgb48"), DEEP)
    eight = image.numpy(pixels="rgb24")
    assert (eight.dtype, eight.shape) == (np.uint8, (9, 7, 3))
    assert np.abs(eight.astype(int) - DEEP / 257).max() < 2  # swscale dithers
    rgba = image.numpy(pixels="rgba")
    np.testing.assert_array_equal(rgba[..., :3], eight)
    assert (rgba[..., 3] == 255).all()
    assert image.numpy(pixels="gray16").shape == (9, 7, 1)
    assert image.numpy(pixels="gray", size=(4, 5)).shape == (4, 5, 1)
    with pytest.raises(UsageError, match="not stored as luma and chroma"):
        image.numpy(pixels="yuv")
    with pytest.raises(UsageError, match="uint8"):
        image.numpy(pixels="rgb48", out=np.empty((9, 7, 3), np.uint8))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray(images, dtype):
    gray = DEEP[..., :1].astype(dtype)
    images.append(gray)
    image = images[0]
    top = np.iinfo(dtype).max
    np.testing.assert_array_equal(image.numpy(pixels="yuv")["y"], gray[..., 0])
    assert image.numpy(pixels="yuv")["y"].dtype == dtype
    expected = np.rint(gray[..., 0].astype(float) / top * 65535)
    np.testing.assert_array_equal(image.numpy(pixels="gray16")[..., 0], expected)
    assert np.abs(image.numpy(pixels="rgb24").astype(float) - gray / top * 255).max() < 2  # swscale dithers
    np.testing.assert_array_equal(image[2:5, 1].numpy(pixels="gray"), image.numpy(pixels="gray")[2:5, 1])
    with pytest.raises(SampleIndexError, match="whole planes"):
        image[2:5].numpy(pixels="yuv")


@pytest.mark.parametrize("depth", [8, 16])
def test_gray_with_alpha(images, tmp_path, depth):
    """PNG alternates them in one plane; `test_png` writes such files by hand."""
    values = np.random.default_rng(1).integers(0, 1 << depth, (5, 6, 2)).astype(">u2" if depth == 16 else "u1")
    (tmp_path / "ya.png").write_bytes(write_png([row.tobytes() for row in values], 6, depth, 4))
    images.append(reelbase.read(tmp_path / "ya.png"))
    planes = images[0].numpy(pixels="yuv")
    np.testing.assert_array_equal(planes["y"], values[..., 0])
    np.testing.assert_array_equal(planes["a"], values[..., 1])
    if depth == 8:
        np.testing.assert_array_equal(images[0].numpy(pixels="rgba")[..., 3], values[..., 1])


@pytest.mark.parametrize(("subsampling", "shape"), [("4:2:0", (11, 8)), ("4:2:2", (21, 8)), ("4:4:4", (21, 15))])
def test_planes_of_jpeg(images, tmp_path, subsampling, shape):
    rows, columns = np.mgrid[0:21, 0:15]
    picture = np.stack([rows * 6, columns * 4, rows + columns], -1).astype(np.uint8)
    data = JpegCodec("jpeg").encode(picture, subsampling=subsampling)
    (tmp_path / "a.jpg").write_bytes(data)
    images.append(reelbase.read(tmp_path / "a.jpg"))
    planes = images[0].numpy(pixels="yuv")
    assert {name: plane.shape for name, plane in planes.items()} == {"y": (21, 15), "u": shape, "v": shape}
    with av.open(io.BytesIO(data), format="mjpeg") as file:
        frame = next(file.decode(video=0))
    for plane, stored in zip(planes.values(), frame.planes, strict=True):
        lines = np.frombuffer(stored, np.uint8).reshape(-1, stored.line_size)
        np.testing.assert_array_equal(plane, lines[: stored.height, : stored.width])
    np.testing.assert_array_equal(images[0].numpy(pixels="rgb24"), images[0].numpy())


def test_jpeg_of_four_planes_has_no_luma_and_chroma_alone():
    """The fourth plane of YCCK is black; it must not be taken for alpha."""
    assert libav.to_planes(av.VideoFrame(16, 16, "yuva444p")) is None


def test_words_that_are_none(images):
    images.append(DEEP)
    with pytest.raises(UsageError, match="is not one of 'rgb24'"):
        images[0].numpy(pixels="rgba64")

from __future__ import annotations

import io

import numpy as np
import pytest

from reelbase.errors import DamagedMediaError, LimitError, UsageError
from reelbase.io.blob import Blob
from reelbase.media.media_info import Limits
from reelbase_plugins.image.jpeg import JpegCodec

JPEG = JpegCodec("jpeg")


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 255 // height, columns * 255 // width, rows * 0 + 90], axis=-1).astype(np.uint8)


def ingest(data: bytes, codec: JpegCodec = JPEG, check: str = "sample"):
    return codec.ingest(Blob.of(data), io.BytesIO(), filename="a.jpg", check=check).info


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (37, 53)])
def test_colours_come_back_nearly(size):
    array = picture(*size)
    data = JPEG.encode(array, quality=100, subsampling="4:4:4")
    assert ingest(data).shape == (*size, 3)
    decoded = JPEG.decode(Blob.of(data), None)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - array).max() <= 4


def test_quality_and_subsampling_change_the_bytes():
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    sizes = [len(JPEG.encode(noise, quality=quality)) for quality in (1, 50, 90, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 2
    assert len(JPEG.encode(noise, subsampling="4:4:4")) > len(JPEG.encode(noise, subsampling="4:2:0"))


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1)])
def test_gray_arrays_become_colour(shape):
    decoded = JPEG.decode(Blob.of(JPEG.encode(np.full(shape, 200, np.uint8))), None)
    assert decoded.shape == (8, 9, 3)
    assert np.abs(decoded.astype(int) - 200).max() <= 2


def test_size_scales():
    assert JPEG.decode(Blob.of(JPEG.encode(picture())), None, size=(10, 20)).shape == (10, 20, 3)


def test_cut_anywhere_is_damaged():
    data = JPEG.encode(picture())
    for length in range(len(data)):
        with pytest.raises(DamagedMediaError, match=r"a\.jpg"):
            ingest(data[:length], check="none")
    with pytest.raises(DamagedMediaError):
        JPEG.decode(Blob.of(data[:-2]), None)


def test_bytes_after_the_end_and_a_thumbnail_inside_do_not_matter():
    whole = JPEG.encode(picture())
    thumbnail = JPEG.encode(picture(8, 8))
    exif = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    mixed = whole[:2] + exif + whole[2:] + b"trailing bytes"
    assert ingest(mixed).shape == (40, 56, 3)
    np.testing.assert_array_equal(JPEG.decode(Blob.of(mixed), None), JPEG.decode(Blob.of(whole), None))


def test_the_limit_holds():
    codec = JpegCodec("jpeg", limits=Limits(max_pixels=1000))
    with pytest.raises(LimitError, match="56x40"):
        ingest(JPEG.encode(picture()), codec, check="none")


@pytest.mark.parametrize("array", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_that_make_no_jpeg(array):
    with pytest.raises(UsageError, match="cannot be stored as JPEG"):
        JPEG.encode(array)


@pytest.mark.parametrize("options", [{"quality": 0}, {"quality": 101}, {"subsampling": "4:1:1"}, {"q": 1}])
def test_other_options(options):
    with pytest.raises(UsageError, match="quality=1 to 100"):
        JPEG.encode(picture(), **options)

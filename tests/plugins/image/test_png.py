from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest

from reelbase.errors import DamagedMediaError, LimitError, UsageError
from reelbase.io.blob import Blob
from reelbase.media.media_info import Limits
from reelbase_plugins.image.png import PngCodec

RNG = np.random.default_rng(7)
PNG = PngCodec("png")


def chunk(kind: bytes, payload: bytes) -> bytes:
    return len(payload).to_bytes(4) + kind + payload + zlib.crc32(kind + payload).to_bytes(4)


def write_png(rows: list[bytes], width: int, depth: int, colour: int, *extra: bytes) -> bytes:
    """A PNG made without libav: filter 0 before every row."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def ingest(data: bytes, codec: PngCodec = PNG, check: str = "sample"):
    return codec.ingest(Blob.of(data), io.BytesIO(), filename="a.png", check=check).info


@pytest.mark.parametrize("size", [(1, 1), (37, 53), (64, 48)])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_arrays_come_back(size, channels, dtype):
    shape = size if channels is None else (*size, channels)
    array = RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    data = PNG.encode(array)
    full = (*size, channels or 1)
    info = ingest(data)
    assert info.shape == full
    assert info.details["dtype"] == np.dtype(dtype).name
    decoded = PNG.decode(Blob.of(data), None)
    assert decoded.dtype == dtype
    np.testing.assert_array_equal(decoded, array.reshape(full))


def test_a_strided_array():
    array = RNG.integers(0, 255, (20, 30, 3), np.uint8)[::-2, ::3]
    np.testing.assert_array_equal(PNG.decode(Blob.of(PNG.encode(array)), None), array)


def test_files_of_other_writers():
    gray = RNG.integers(0, 255, (5, 7), np.uint8)
    cases = [
        (write_png([row.tobytes() for row in gray], 7, 8, 0), gray[..., None]),
        (write_png([b"\xb0", b"\x40"], 4, 1, 0), np.array([[1, 0, 1, 1], [0, 1, 0, 0]])[..., None] * 255),
        (write_png([b"\x1b"], 4, 2, 0), np.array([[0, 85, 170, 255]])[..., None]),
        (
            write_png([b"\0\1\1"], 3, 8, 3, chunk(b"PLTE", b"\x0a\x14\x1e\xc8\xd2\xdc")),
            np.array([[[10, 20, 30], [200, 210, 220], [200, 210, 220]]]),
        ),
        (
            write_png([b"\0\1"], 2, 8, 3, chunk(b"PLTE", b"\1\2\3\4\5\6"), chunk(b"tRNS", b"\x80\xff")),
            np.array([[[1, 2, 3, 128], [4, 5, 6, 255]]]),
        ),
        (write_png([b"\x0a\x80\x14\xff"], 2, 8, 4), np.array([[[10, 10, 10, 128], [20, 20, 20, 255]]])),
        (write_png([struct.pack(">3H", 1, 256, 65535)], 1, 16, 2), np.array([[[1, 256, 65535]]])),
    ]
    for data, expected in cases:
        assert ingest(data).shape == expected.shape
        np.testing.assert_array_equal(PNG.decode(Blob.of(data), None), expected)


def test_size_scales():
    data = PNG.encode(np.full((40, 60, 3), 77, np.uint8))
    scaled = PNG.decode(Blob.of(data), None, size=(10, 20))
    assert scaled.shape == (10, 20, 3)
    assert np.abs(scaled.astype(int) - 77).max() <= 1


def test_out():
    array = RNG.integers(0, 255, (6, 5, 3), np.uint8)
    blob, out = Blob.of(PNG.encode(array)), np.zeros((6, 5, 3), np.uint8)
    assert PNG.decode(blob, None, out=out) is out
    np.testing.assert_array_equal(out, array)
    with pytest.raises(UsageError, match=r"\(5, 6, 3\)"):
        PNG.decode(blob, None, out=np.zeros((5, 6, 3), np.uint8))


def test_cut_anywhere_is_damaged():
    data = PNG.encode(RNG.integers(0, 255, (16, 16, 3), np.uint8))
    for length in [0, 7, 8, 20, len(data) // 2, len(data) - 12, len(data) - 1]:
        for check in ("sample", "none"):
            with pytest.raises(DamagedMediaError, match=r"a\.png"):
                ingest(data[:length], check=check)
        with pytest.raises(DamagedMediaError):
            PNG.decode(Blob.of(data[:length]), None)


def test_any_flipped_bit_is_damaged():
    data = bytearray(PNG.encode(RNG.integers(0, 255, (8, 8), np.uint8)))
    for at in range(len(data)):
        data[at] ^= 0x10
        with pytest.raises(DamagedMediaError):
            ingest(bytes(data))
        data[at] ^= 0x10


def test_too_little_image_data():
    rows = [bytes(7)] * 2
    short = write_png(rows, 7, 8, 0).replace(
        chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 2, 8, 0, 0, 0, 0)),
        chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 500, 8, 0, 0, 0, 0)),
    )
    with pytest.raises(DamagedMediaError):
        ingest(short)


def test_the_limit_holds_before_anything_is_decoded():
    codec = PngCodec("png", limits=Limits(max_pixels=1000))
    huge = write_png([b""], 60000, 8, 0)
    with pytest.raises(LimitError, match="60000x1"):
        ingest(huge, codec, check="none")
    with pytest.raises(LimitError):
        codec.decode(Blob.of(huge), None)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_arrays_that_make_no_png(array):
    with pytest.raises(UsageError, match="cannot be stored as PNG"):
        PNG.encode(array)


def test_options():
    array = np.zeros((50, 50, 3), np.uint8)
    assert len(PNG.encode(array, level=0)) > len(PNG.encode(array, level=9))
    for options in ({"quality": 3}, {"level": 10}):
        with pytest.raises(UsageError, match="level=0 to 9"):
            PNG.encode(array, **options)


def test_a_second_stream():
    data = PNG.encode(np.zeros((2, 2), np.uint8))
    with pytest.raises(UsageError, match="stream 1"):
        PNG.ingest(Blob.of(data), io.BytesIO(), filename="a.png", stream=1)

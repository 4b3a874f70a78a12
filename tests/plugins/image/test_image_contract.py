"""The picture codecs keep the codec contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reelbase.testing import CodecCase, CodecTests
from reelbase_plugins.image.jpeg import JpegCodec
from reelbase_plugins.image.png import PngCodec


def _picture(channels: int, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    high = np.iinfo(dtype).max  # type: ignore[type-var]
    return np.random.default_rng(1).integers(0, high, (21, 33, channels), dtype, endpoint=True)  # type: ignore[call-overload]


class TestPng(CodecTests):
    @pytest.fixture(params=[(1, np.uint8), (3, np.uint8), (4, np.uint8), (3, np.uint16)], ids=str)
    def case(self, request: pytest.FixtureRequest) -> CodecCase:
        picture = _picture(*request.param)
        codec = PngCodec("png")
        return CodecCase(codec=codec, data=codec.encode(picture), filename="a.png", expected=picture)


class TestJpeg(CodecTests):
    @pytest.fixture
    def case(self) -> CodecCase:
        rows, columns = np.mgrid[0:40, 0:60]
        picture = np.stack([rows * 6, columns * 4, rows + columns], -1).astype(np.uint8)
        codec = JpegCodec("jpeg")
        return CodecCase(codec=codec, data=codec.encode(picture), filename="a.jpg", expected=picture, tolerance=12)

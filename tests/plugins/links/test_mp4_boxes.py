"""What `BoxReader` shows of a file, and what it fetches for that."""

from __future__ import annotations

import random

import pytest

from reelbase.plugin import Blob
from reelbase_plugins.video.indexing.mp4_boxes import BoxReader


class _Counted:
    """Bytes, and which of them were read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.spans: list[tuple[int, int]] = []

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        self.spans.append((start, len(self.data) if stop is None else stop))
        return self.data[start:stop]

    def get_ranges(self, key: str, ranges: list[tuple[int, int]]) -> list[bytes]:
        return [self.get(key, *span) for span in ranges]


def _box(kind: bytes, body: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return (1).to_bytes(4) + kind + (16 + len(body)).to_bytes(8) + body
    return (8 + len(body)).to_bytes(4) + kind + body


def _noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def _reader(data: bytes) -> tuple[BoxReader, _Counted]:
    source = _Counted(data)
    return BoxReader(Blob(source, "key", 0, len(data))), source  # type: ignore[arg-type]


def _all(reader: BoxReader) -> bytes:
    reader.seek(0)
    parts = []
    while part := reader.read(10_000):
        parts.append(part)
    assert reader.failure is None
    return b"".join(parts)


@pytest.mark.parametrize("first", [*range(65_500, 65_545), 4000, 70_000])
@pytest.mark.parametrize("wide", [False, True])
def test_zeros_stand_for_media_data_alone(first: int, wide: bool) -> None:
    """Wherever boxes begin, also amid what is fetched at once."""
    data, blank = b"", b""
    for kind, size in ((b"ftyp", first - 8), (b"mdat", 300_000), (b"moof", 5000), (b"mdat", 7), (b"moov", 90_000)):
        body = _noise(size, size)
        data += _box(kind, body, wide=wide)
        blank += _box(kind, bytes(size) if kind == b"mdat" else body, wide=wide)
    reader, source = _reader(data)
    assert _all(reader) == data
    reader, source = _reader(data)
    reader.blank = True
    assert _all(reader) == blank
    assert sum(stop - start for start, stop in source.spans) < len(data) - 200_000
    asked = len(source.spans)
    assert _all(reader) == blank
    assert len(source.spans) == asked


@pytest.mark.parametrize(
    "tail",
    [
        b"", b"\0\0", b"\0\0\0\7mdat1234", (1).to_bytes(4) + b"mdat" + (3).to_bytes(8) + b"123",
        (1).to_bytes(4) + b"mdat" + (1 << 62).to_bytes(8) + bytes(range(99)), b"\0\0\0\0mdat" + bytes(range(50)),
        b"\xff\xff\xff\xffmdat" + bytes(range(50)),
    ],
)  # fmt: skip
def test_sizes_that_cannot_be(tail: bytes) -> None:
    data = _box(b"ftyp", b"mp42") + tail
    reader, _ = _reader(data)
    assert _all(reader) == data
    reader.blank = True
    assert len(_all(reader)) == len(data)


def test_what_is_held_is_bounded() -> None:
    data = b"".join(_box(b"moof", _noise(n, 3 << 20)) for n in range(30))
    reader, _ = _reader(data)
    assert _all(reader) == data
    assert sum(map(len, reader._pieces.values())) <= 64 << 20

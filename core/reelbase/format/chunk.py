"""Small chunks: samples of one column packed together. Read whole, checked by the crc of their index entry.

Layout, little-endian: ``<4s magic, u1 zlib, 3x, u4 count, u8 meta bytes, u8 payload bytes>``, then, deflated if `zlib`,
the form of each sample (u1), the axes of each (u1), all axis lengths (i8), ``count + 1`` payload offsets (u8), and the
payload.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, overload

import numpy as np

from reelbase.errors import CorruptObjectError, NewerFormatError

_HEADER = struct.Struct("<4sB3xIQQ")
_MAGIC = b"RBK1"
MAX_BYTES = 1 << 18  # what one small sample costs to read; see docs/explanation/decisions/index.md
MAX_SAMPLES = 1024
_BYTES_PER_WEIGHT_UNIT = 64
_MAX_DEFLATED_FRACTION = 3 / 4  # deflated only if that saves a quarter: inflating takes longer than reading
_MAX_BYTES_TO_DEFLATE = 2 << 20
_MAX_INFLATED_BYTES = 64 << 20  # what is deflated is at most a chunk; anything beyond is a bomb


class Form:
    """How a sample's payload is to be read."""

    MISSING: Final = 0
    ARRAY: Final = 1  #: one array of the sample's shape
    RAGGED: Final = 2  #: a sequence of items of several shapes, see `reelbase.cells`


@dataclass(frozen=True)
class PackedSample:
    """One sample as it is in a chunk."""

    form: int
    shape: tuple[int, ...]
    payload: bytes | memoryview


def compute_weight(payload: int) -> int:
    """What an index entry says of a chunk's size before deflation: 64s of bytes, at most 65535."""
    return min(-(-payload // _BYTES_PER_WEIGHT_UNIT), 0xFFFF)


def is_full(weight: int, count: int) -> bool:
    """Whether a chunk of that weight and number of samples is at least half as large as chunks become."""
    return weight * _BYTES_PER_WEIGHT_UNIT * 2 >= MAX_BYTES or count * 2 >= MAX_SAMPLES


def encode(samples: Sequence[PackedSample]) -> bytes:
    """The bytes of a chunk."""
    forms = bytes(sample.form for sample in samples)
    axes = bytes(len(sample.shape) for sample in samples)
    shapes = np.array([n for sample in samples for n in sample.shape], "<i8").tobytes()
    offsets = np.zeros(len(samples) + 1, "<u8")
    offsets[1:] = np.cumsum([len(sample.payload) for sample in samples])
    meta = forms + axes + shapes + offsets.tobytes()
    payload = b"".join(sample.payload for sample in samples)
    body, deflated = meta + payload, 0
    if len(body) <= _MAX_BYTES_TO_DEFLATE:
        small = zlib.compress(body, 1)
        if len(small) < len(body) * _MAX_DEFLATED_FRACTION:
            body, deflated = small, 1
    return _HEADER.pack(_MAGIC, deflated, len(samples), len(meta), len(payload)) + body


class Samples(Sequence[PackedSample]):
    """The samples of a chunk; each is cut out when it is asked for, since most are not.

    Attributes:
        nbytes: About how much memory they take.

    Raises:
        ValueError: the parts do not add up.
    """

    def __init__(self, body: memoryview, count: int, meta_size: int) -> None:
        self.nbytes = len(body)
        axes = np.frombuffer(body, "u1", count, count)
        ends = np.cumsum(axes, dtype=np.int64)
        self._forms, self._axes = body[:count], axes
        self._lengths = np.frombuffer(body, "<i8", int(ends[-1]) if count else 0, 2 * count)
        self._first = ends - axes
        self._offsets = np.frombuffer(body, "<u8", count + 1, 2 * count + self._lengths.nbytes)
        self._payload = body[meta_size:]
        if 2 * count + self._lengths.nbytes + self._offsets.nbytes != meta_size:
            raise ValueError("its parts have other lengths than it says")
        if self._offsets[-1] != len(self._payload) or (self._offsets[1:] < self._offsets[:-1]).any():
            raise ValueError("its samples do not lie one after another")

    def __len__(self) -> int:
        return len(self._forms)

    @overload
    def __getitem__(self, key: int) -> PackedSample: ...
    @overload
    def __getitem__(self, key: slice) -> list[PackedSample]: ...
    def __getitem__(self, key: int | slice) -> PackedSample | list[PackedSample]:
        if isinstance(key, slice):
            return [self[k] for k in range(*key.indices(len(self)))]
        first = self._first.item(key)
        shape = tuple(self._lengths[first : first + self._axes.item(key)].tolist())
        start, stop = self._offsets[key : key + 2].tolist()
        return PackedSample(self._forms[key], shape, self._payload[start:stop])


def decode(data: bytes, label: str) -> Samples:
    """The samples of a chunk.

    Raises:
        CorruptObjectError: its parts do not add up.
        NewerFormatError: it carries a version this reelbase does not know.
    """
    try:
        magic, deflated, count, meta_size, payload_size = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise _magic_error(magic, label)
        body = memoryview(data)[_HEADER.size :]
        if deflated:
            if meta_size + payload_size > _MAX_INFLATED_BYTES:
                raise _corrupt_error(label, f"it claims {meta_size + payload_size} bytes")
            body = memoryview(zlib.decompressobj().decompress(body, max(meta_size + payload_size, 1)))
        if len(body) != meta_size + payload_size:
            raise _corrupt_error(label, "its length is wrong")
        return Samples(body, count, meta_size)
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        if isinstance(error, (CorruptObjectError, NewerFormatError)):
            raise
        raise _corrupt_error(label, str(error)) from error


def _magic_error(magic: bytes, label: str) -> CorruptObjectError | NewerFormatError:
    if magic[:3] == _MAGIC[:3]:
        return NewerFormatError(f"{label} has version {magic!r}.", "Update reelbase: pip install -U reelbase")
    return _corrupt_error(label, f"it starts with {magic!r}")


def _corrupt_error(label: str, why: str) -> CorruptObjectError:
    return CorruptObjectError(f"{label} is damaged: {why}.", "Restore the object from a copy of the dataset.")

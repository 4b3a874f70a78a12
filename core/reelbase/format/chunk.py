"""Chunks: small samples of one column, packed together and read as a whole.

Layout, little-endian: ``<4s magic, u1 zlib, 3x, u4 count, u8 meta bytes, u8 payload bytes>``, then the body. The body
is deflated if `zlib` is 1. It holds the form of each sample (u1), the number of axes of each (u1), all axis lengths
(i8), ``count + 1`` payload offsets (u8), and the payload. The index entry of a chunk has its crc32.
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
#: A random read fetches and checks a whole chunk. 256 KiB was measured to be a good compromise: smaller chunks make
#: random reads faster and reading everything slower (decision 24).
MAX_BYTES = 1 << 18
MAX_SAMPLES = 1024
_BYTES_PER_WEIGHT_UNIT = 64
_MAX_DEFLATED_FRACTION = 3 / 4  # a smaller saving is not worth it: inflating takes longer than reading the bytes
_MAX_BYTES_TO_DEFLATE = 2 << 20
_MAX_INFLATED_BYTES = 64 << 20  # more than a chunk can have: larger claims are zip bombs


class Form:
    """How the payload of a sample is interpreted."""

    MISSING: Final = 0
    ARRAY: Final = 1  #: one array of the sample's shape
    RAGGED: Final = 2  #: a sequence of items of several shapes, see `reelbase.cells`


@dataclass(frozen=True)
class PackedSample:
    """One sample as it is stored in a chunk.

    Attributes:
        form: How to interpret the payload, see `Form`.
        shape: Axis lengths of the array, or for a ragged sequence the number of items.
        payload: The bytes of the sample, in the layout that `form` names.
    """

    form: int
    shape: tuple[int, ...]
    payload: bytes | memoryview


def compute_weight(payload: int) -> int:
    """Return the size of a chunk as an index entry records it: in units of 64 bytes, at most 65535.

    Args:
        payload: Payload bytes of the chunk before deflation.
    """
    return min(-(-payload // _BYTES_PER_WEIGHT_UNIT), 0xFFFF)


def is_full(weight: int, count: int) -> bool:
    """Return True if a chunk is at least half as large as chunks can become.

    Compaction leaves such chunks as they are.

    Args:
        weight: The recorded size, see `compute_weight`.
        count: Number of samples in the chunk.
    """
    return weight * _BYTES_PER_WEIGHT_UNIT * 2 >= MAX_BYTES or count * 2 >= MAX_SAMPLES


def encode(samples: Sequence[PackedSample]) -> bytes:
    """Return the bytes of a chunk that holds `samples`."""
    forms = bytes(sample.form for sample in samples)
    axes = bytes(len(sample.shape) for sample in samples)
    shapes = np.array([n for sample in samples for n in sample.shape], "<i8").tobytes()
    offsets = np.zeros(len(samples) + 1, "<u8")
    offsets[1:] = np.cumsum([len(sample.payload) for sample in samples])
    meta = forms + axes + shapes + offsets.tobytes()
    payload = b"".join(sample.payload for sample in samples)
    body, deflated = meta + payload, 0
    if len(body) <= _MAX_BYTES_TO_DEFLATE:
        compressed = zlib.compress(body, 1)
        if len(compressed) < len(body) * _MAX_DEFLATED_FRACTION:
            body, deflated = compressed, 1
    return _HEADER.pack(_MAGIC, deflated, len(samples), len(meta), len(payload)) + body


class Samples(Sequence[PackedSample]):
    """The samples of one chunk. A sample is cut out of the chunk only when it is accessed.

    Args:
        body: The inflated chunk without its header.
        count: Number of samples.
        meta_size: Bytes of the tables in front of the payload.

    Attributes:
        nbytes: Approximate memory use in bytes.

    Raises:
        ValueError: the tables contradict each other or the sizes given.
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
            raise ValueError("its tables do not have the lengths that its header states")
        if self._offsets[-1] != len(self._payload) or (self._offsets[1:] < self._offsets[:-1]).any():
            raise ValueError("its payload offsets are not in order")

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
    """Return the samples of a chunk.

    Args:
        data: The bytes of the chunk, header included.
        label: What messages call the chunk.

    Raises:
        CorruptObjectError: the chunk is damaged.
        NewerFormatError: a newer reelbase wrote the chunk.
    """
    try:
        magic, deflated, count, meta_size, payload_size = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise _magic_error(magic, label)
        body = memoryview(data)[_HEADER.size :]
        if deflated:
            if meta_size + payload_size > _MAX_INFLATED_BYTES:
                raise _corrupt_error(label, f"it claims {meta_size + payload_size} bytes")
            # zlib takes 0 for "no limit", so a header that claims no bytes must not remove the limit.
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


def _corrupt_error(label: str, reason: str) -> CorruptObjectError:
    return CorruptObjectError(f"{label} is damaged: {reason}.", "Restore the object from a copy of the dataset.")

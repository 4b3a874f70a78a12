"""Integer columns as compact bytes: deltas, zigzag, byte planes, zlib."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CorruptObjectError, NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MAGIC = b"RBF1"
_HEAD = struct.Struct("<4sII")  # magic, header bytes, unpacked column bytes
MAX_UNPACKED_BYTES = 1 << 30  # a forged header must not make us allocate more


def pack_columns(header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Pack a JSON-able header and named 1-D integer columns (of any lengths) into bytes."""
    layout, body = {}, b""
    for name, column in columns.items():
        planes, width = _to_planes(column)
        layout[name] = [len(column), width]
        body += planes
    text = json.dumps({**header, "columns": layout}, separators=(",", ":")).encode()
    return _HEAD.pack(_MAGIC, len(text), len(body)) + zlib.compress(text + body, 6)


def unpack_columns(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[np.int64]]]:
    """The inverse of `pack_columns`; columns come back as int64.

    Raises:
        CorruptObjectError: the bytes are damaged.
        NewerFormatError: they have a version that this reelbase does not know.
    """
    try:
        magic, text_size, body_size = _HEAD.unpack_from(data)
        if magic != _MAGIC:
            raise _error_of_magic(magic)
        if text_size + body_size > MAX_UNPACKED_BYTES:
            raise CorruptObjectError(f"A packed table claims {text_size + body_size} bytes.", "Restore it from a copy.")
        inflate = zlib.decompressobj()
        raw = inflate.decompress(data[_HEAD.size :], text_size + body_size)
        header = json.loads(raw[:text_size])
        columns, at = {}, text_size
        for name, (count, width) in header.pop("columns").items():
            columns[name] = _from_planes(raw[at : at + count * width], count, width)
            at += count * width
    except (struct.error, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, (CorruptObjectError, NewerFormatError)):
            raise
        raise CorruptObjectError(f"A packed table cannot be read: {error}.", "Restore it from a copy.") from error
    return header, columns


def _error_of_magic(magic: bytes) -> CorruptObjectError | NewerFormatError:
    if magic[:3] == _MAGIC[:3]:
        return NewerFormatError(f"A packed table has version {magic!r}.", "Update reelbase: pip install -U reelbase")
    return CorruptObjectError(f"A packed table starts with {magic!r}.", "Restore it from a copy.")


def _to_planes(column: NDArray[Any]) -> tuple[bytes, int]:
    values = np.asarray(column, np.int64)
    with np.errstate(over="ignore"):
        delta = np.diff(values, prepend=np.int64(0))
        zigzag = ((delta << 1) ^ (delta >> 63)).view(np.uint64)
    top = int(zigzag.max()) if len(zigzag) else 0
    width = max(1, (top.bit_length() + 7) // 8)
    planes = zigzag.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    return np.ascontiguousarray(planes.T).tobytes(), width


def _from_planes(raw: bytes, count: int, width: int) -> NDArray[np.int64]:
    if not (count >= 0 and 1 <= width <= 8 and len(raw) == count * width):
        raise CorruptObjectError("A packed column is shorter than it says.", "Restore it from a copy.")
    wide = np.zeros((count, 8), np.uint8)
    wide[:, :width] = np.frombuffer(raw, np.uint8).reshape(width, count).T
    zigzag = wide.view("<u8").reshape(-1).astype(np.uint64)
    delta = (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)
    with np.errstate(over="ignore"):
        return np.cumsum(delta, dtype=np.int64)

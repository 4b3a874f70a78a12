"""A byte range of one stored object, and reading several parts of it at once."""

from __future__ import annotations

import io
import threading
import weakref
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from reelbase.errors import CorruptObjectError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import ReadableBuffer, WriteableBuffer

MERGE_GAP = 64 * 1024  #: bytes; reading that much more costs less than a request of its own
MAX_MERGED_BYTES = 8 * 1024 * 1024  #: larger reads are split, so that storages can send the parts side by side


class ByteSource(Protocol):
    """The part of a storage that blobs need."""

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` of an object."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Several ``(start, stop)`` ranges of an object."""


class BytesSource:
    """Bytes in memory as a source; the key is ignored."""

    distant = False

    def __init__(self, data: ReadableBuffer) -> None:
        self._data = memoryview(data).cast("B")

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop``."""
        return bytes(self._data[start:stop])

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges."""
        return [self.get(key, start, stop) for start, stop in ranges]


class FileSource:
    """A temporary file as a source; the key is ignored. It is closed when nothing refers to it any more."""

    distant = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        weakref.finalize(self, file.close)
        self._lock = threading.Lock()

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop``."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(-1 if stop is None else stop - start)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges."""
        return [self.get(key, start, stop) for start, stop in ranges]


@dataclass(frozen=True)
class Blob:
    """``size`` bytes from ``offset`` of the object ``key``. Immutable; making one reads nothing.

    Every read that returns fewer bytes than it should raises CorruptObjectError.

    Attributes:
        source: Where the object is.
        key: Key of the object.
        offset: Where the bytes start in the object.
        size: Number of bytes.
        crc: CRC-32 of the bytes, compared when all of them are read with one call; None: it is not known.
    """

    source: ByteSource
    key: str
    offset: int
    size: int
    crc: int | None = None

    @classmethod
    def of(cls, data: ReadableBuffer) -> Blob:
        """A blob over bytes in memory."""
        return cls(BytesSource(data), "<memory>", 0, memoryview(data).nbytes)

    @property
    def distant(self) -> bool:
        """True if each read is a request over a network, or the source does not say."""
        return bool(getattr(self.source, "distant", True))

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` (to the end by default), counted from the blob's own start."""
        stop = self.size if stop is None else min(stop, self.size)
        if stop <= start:
            return b""
        data = self.source.get(self.key, self.offset + start, self.offset + stop)
        self._check(len(data), stop - start)
        return self._check_crc(data)

    def _check_crc(self, data: bytes) -> bytes:
        if self.crc is not None and len(data) == self.size and zlib.crc32(data) != self.crc:
            raise CorruptObjectError(
                f"Bytes {self.offset}:{self.offset + self.size} of {self.key} are damaged.",
                "Restore the object from a copy of the dataset.",
            )
        return data

    def read_ranges(self, ranges: Sequence[tuple[int, int]], *, gap: int = MERGE_GAP) -> list[memoryview]:
        """Read many ``(start, stop)`` ranges; ranges near each other are one request.

        Args:
            ranges: ``(start, stop)`` from the blob's own start, in any order; each inside the blob.
            gap: Ranges at most this many bytes apart are fetched together.

        Returns:
            One memoryview per range, in the order given.

        Raises:
            UsageError: a range is not inside the blob.
        """
        for start, stop in ranges:
            if not 0 <= start <= stop <= self.size:
                raise UsageError(f"Bytes {start}:{stop} are outside a blob of {self.size} bytes ({self.key}).")
        spans = merge(ranges, gap)
        parts = self.source.get_ranges(self.key, [(self.offset + a, self.offset + b) for a, b in spans])
        for (a, b), part in zip(spans, parts, strict=True):
            self._check(len(part), b - a)
        return _cut(ranges, spans, parts)

    def slice(self, start: int, stop: int) -> Blob:
        """The part ``start:stop`` as a blob."""
        if not 0 <= start <= stop <= self.size:
            raise CorruptObjectError(f"Bytes {start}:{stop} are outside a blob of {self.size} bytes ({self.key}).")
        return Blob(self.source, self.key, self.offset + start, stop - start)

    def open(self) -> io.BufferedReader:
        """A buffered, seekable binary file over the blob."""
        return io.BufferedReader(_BlobFile(self), buffer_size=256 * 1024)

    def _check(self, got: int, wanted: int) -> None:
        if got != wanted:
            raise CorruptObjectError(
                f"{self.key}: {wanted} bytes were requested, {got} were returned.",
                "The object is truncated or was changed; `reelbase doctor` and a fresh copy help.",
            )


def merge(ranges: Sequence[tuple[int, int]], gap: int, split: int = MAX_MERGED_BYTES) -> list[tuple[int, int]]:
    """Sorted, disjoint spans that cover `ranges`; near ones are joined while a span stays below `split` bytes."""
    spans: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if spans and start - spans[-1][1] <= gap and (start < spans[-1][1] or stop - spans[-1][0] <= split):
            spans[-1] = (spans[-1][0], max(spans[-1][1], stop))
        else:
            spans.append((start, stop))
    return spans


def _cut(ranges: Sequence[tuple[int, int]], spans: list[tuple[int, int]], parts: Sequence[bytes]) -> list[memoryview]:
    views = [memoryview(part) for part in parts]
    cut: list[memoryview] = [memoryview(b"")] * len(ranges)
    at = 0
    for place in sorted(range(len(ranges)), key=ranges.__getitem__):
        start, stop = ranges[place]
        while spans[at][1] < stop:
            at += 1
        cut[place] = views[at][start - spans[at][0] : stop - spans[at][0]]
    return cut


class _BlobFile(io.RawIOBase):
    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._blob.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._blob.read(self._at, self._at + len(view)) if self._at < self._blob.size else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

"""Read what several samples need together, then decode each.

Ranges of one object that are near each other become one request, several objects are read at a time, and while some
samples are decoded the bytes of the next are fetched.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reelbase.errors import error_context
from reelbase.io.blob import MERGE_GAP, Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MAX_BYTES_IN_FLIGHT: Final = 64 << 20  #: of one window; two are held: one is decoded while the next is fetched
_MAX_THREADS: Final = 8
_MAX_WINDOW: Final = 32  # values that `map_windows` has under way

T = TypeVar("T")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ByteRanges:
    """A blob, and the ranges ``(start, stop)`` of it that will be read, as far as they are known beforehand."""

    blob: Blob
    ranges: Sequence[tuple[int, int]] = ()

    @property
    def size(self) -> int:
        """Bytes in all ranges."""
        return sum(stop - start for start, stop in self.ranges)


@dataclass(frozen=True)
class PendingRead:
    """A deferred read of one sample: the bytes it needs, and the function that makes the result from them.

    Attributes:
        needs: The blobs and ranges to read.
        decode: Called with those blobs, in order; their bytes may have been fetched by then. Returns the result.
        label: What messages call the sample.
    """

    needs: Sequence[ByteRanges]
    decode: Callable[[Sequence[Blob]], Any]
    label: str = ""

    @property
    def size(self) -> int:
        """Bytes in all ranges of all blobs."""
        return sum(need.size for need in self.needs)

    def finish(self, blobs: Sequence[Blob] | None = None) -> Any:
        """Return the result; without `blobs`, everything is read now."""
        with error_context(self.label):
            return self.decode([need.blob for need in self.needs] if blobs is None else blobs)


def combine(reads: Sequence[PendingRead], join: Callable[[list[Any]], Any], label: str = "") -> PendingRead:
    """Several reads as one, whose result is what `join` makes of the list of theirs."""

    def decode(blobs: Sequence[Blob]) -> Any:
        remaining = iter(blobs)
        return join([read.decode([next(remaining) for _ in read.needs]) for read in reads])

    return PendingRead([need for read in reads for need in read.needs], decode, label)


def execute(reads: Sequence[PendingRead]) -> list[Any]:
    """Return the results in order. About 128 MiB of what they need is held at once."""
    if sum(len(read.needs) for read in reads) < 2:  # nothing to be read together, so no threads either
        return [read.finish() for read in reads]
    results: list[Any] = []
    windows = list(_split_windows(reads))
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(min(len(reads), os.cpu_count() or 1)) as pool:
        fetching = ahead.submit(fetch, windows[0])
        for number, window in enumerate(windows):
            blobs = fetching.result()
            if number + 1 < len(windows):
                fetching = ahead.submit(fetch, windows[number + 1])
            results += pool.map(PendingRead.finish, window, blobs)
    return results


def fetch(reads: Sequence[PendingRead]) -> list[list[Blob]]:
    """Fetch what all `reads` need. Returns the blobs of each, with the needed ranges in memory.

    Raises:
        CorruptObjectError, StorageError: they cannot be read.
    """
    objects: dict[tuple[int, str], _Object] = {}
    for read in reads:
        for need in read.needs:
            stored = objects.setdefault((id(need.blob.source), need.blob.key), _Object(read.label))
            stored.needs.append(need)
    map_threads(_Object.read, list(objects.values()))
    return [[objects[id(need.blob.source), need.blob.key].attach(need.blob) for need in read.needs] for read in reads]


@dataclass
class _Object:
    """One stored object, and all that is needed of it."""

    label: str
    needs: list[ByteRanges] = field(default_factory=list)
    parts: dict[tuple[int, int], memoryview] = field(default_factory=dict)

    def read(self) -> None:
        """Read every range with one call; `parts` then has them by ``(start, stop)`` in the object."""
        spans = sorted({(need.blob.offset + a, need.blob.offset + b) for need in self.needs for a, b in need.ranges})
        if not spans:
            return
        blob = self.needs[0].blob
        size = max(need.blob.offset + need.blob.size for need in self.needs)
        whole = replace(blob, offset=0, size=size, crc=None)
        with error_context(self.label):
            self.parts = dict(zip(spans, whole.read_ranges(spans), strict=True))

    def attach(self, blob: Blob) -> Blob:
        return FetchedBlob(blob.source, blob.key, blob.offset, blob.size, blob.crc, self.parts) if self.parts else blob


@dataclass(frozen=True)
class FetchedBlob(Blob):
    """A blob some ranges of which are in memory; reading exactly those does no I/O.

    Attributes:
        parts: Bytes by ``(start, stop)`` in the object.
    """

    parts: Mapping[tuple[int, int], memoryview] = field(default_factory=dict)

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """See `Blob.read`."""
        end = self.size if stop is None else min(stop, self.size)
        found = self.parts.get((self.offset + start, self.offset + end))
        return super().read(start, stop) if found is None else self._check_crc(bytes(found))

    def read_ranges(self, ranges: Sequence[tuple[int, int]], *, gap: int = MERGE_GAP) -> list[memoryview]:
        """See `Blob.read_ranges`."""
        found = [self.parts.get((self.offset + start, self.offset + stop)) for start, stop in ranges]
        known = [part for part in found if part is not None]
        return known if len(known) == len(ranges) else super().read_ranges(ranges, gap=gap)


def _split_windows(reads: Sequence[PendingRead]) -> Iterator[Sequence[PendingRead]]:
    """Consecutive reads that need at most MAX_BYTES_IN_FLIGHT together, or one that needs more."""
    start, size = 0, 0
    for place, read in enumerate(reads):
        if size and size + read.size > MAX_BYTES_IN_FLIGHT:
            yield reads[start:place]
            start, size = place, 0
        size += read.size
    yield reads[start:]


def map_threads(function: Callable[[T], Result], values: Sequence[T], max_threads: int = _MAX_THREADS) -> list[Result]:
    """Return ``function(value)`` of each value, in order, called in up to `max_threads` threads."""
    if len(values) < 2:
        return [function(value) for value in values]
    with ThreadPoolExecutor(min(len(values), max_threads)) as pool:
        return list(pool.map(function, values))


def map_windows(function: Callable[[T], Result], values: Iterable[T]) -> Iterator[Result]:
    """Yield ``function(value)`` of each value, in order. Windows of values are computed in threads.

    For many small requests to a distant storage. The first window is one value, and each is twice as large as the one
    before, up to 32: whoever stops early has not asked for much more, and memory is bounded.
    """
    remaining, size = iter(values), 1
    with ThreadPoolExecutor(_MAX_WINDOW) as pool:
        while window := list(islice(remaining, size)):
            yield from list(pool.map(function, window))
            size = min(2 * size, _MAX_WINDOW)

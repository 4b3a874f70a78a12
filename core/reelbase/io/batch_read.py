"""What samples need of their files, read together; and what is then made of each.

Near ranges of one object are one request, several objects are asked for at a time, and while some samples are decoded
the bytes of the next are on their way.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reelbase.errors import error_context
from reelbase.io.blob import MERGE_GAP, Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

AT_ONCE: Final = 64 << 20
_AT_A_TIME: Final = 8

T = TypeVar("T")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ByteRanges:
    """A blob, and the ranges ``(start, stop)`` of it that will be read; what is not known before is not among them."""

    blob: Blob
    ranges: Sequence[tuple[int, int]] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(stop - start for start, stop in self.ranges)


@dataclass(frozen=True)
class PendingRead:
    """What is taken of one sample: the bytes that it needs, and what makes the result of them.

    Attributes:
        needs: Of which blobs.
        make: Called with those blobs, which then may have their bytes in hand.
        where: What messages call the sample.
    """

    needs: Sequence[ByteRanges]
    make: Callable[[Sequence[Blob]], Any]
    where: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(need.size for need in self.needs)

    def finish(self, blobs: Sequence[Blob] | None = None) -> Any:
        """The result; without `blobs`, everything is read now."""
        with error_context(self.where):
            return self.make([need.blob for need in self.needs] if blobs is None else blobs)


def combine(plans: Sequence[PendingRead], join: Callable[[list[Any]], Any]) -> PendingRead:
    """Several plans as one, whose result is what `join` makes of theirs."""

    def make(blobs: Sequence[Blob]) -> Any:
        left = iter(blobs)
        return join([plan.make([next(left) for _ in plan.needs]) for plan in plans])

    return PendingRead([need for plan in plans for need in plan.needs], make)


def execute(plans: Sequence[PendingRead]) -> list[Any]:
    """The results in order. Of the bytes that they need about 128 MiB are held at once."""
    if (len(plans) == 1 and not plans[0].needs) or sum(len(plan.needs) for plan in plans) < 2:
        return [plan.finish() for plan in plans]
    results: list[Any] = []
    windows = list(_windows(plans))
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(min(len(plans), os.cpu_count() or 1)) as pool:
        coming = ahead.submit(fetch, windows[0])
        for number, window in enumerate(windows):
            blobs = coming.result()
            if number + 1 < len(windows):
                coming = ahead.submit(fetch, windows[number + 1])
            results += pool.map(PendingRead.finish, window, blobs)
    return results


def fetch(plans: Sequence[PendingRead]) -> list[list[Blob]]:
    """For each plan its blobs, with the ranges that it needs in hand.

    Raises:
        CorruptObjectError, StorageError: they cannot be read.
    """
    objects: dict[tuple[int, str], _Object] = {}
    for plan in plans:
        for need in plan.needs:
            one = objects.setdefault((id(need.blob.source), need.blob.key), _Object(plan.where))
            one.needs.append(need)
    map_threads(_Object.read, list(objects.values()))
    return [[objects[id(need.blob.source), need.blob.key].held(need.blob) for need in plan.needs] for plan in plans]


@dataclass
class _Object:
    """One stored object, and all that is needed of it."""

    where: str
    needs: list[ByteRanges] = field(default_factory=list)
    parts: dict[tuple[int, int], memoryview] = field(default_factory=dict)

    def read(self) -> None:
        """Read every range, with one call; `parts` has them by their place in the object."""
        spans = sorted({(need.blob.offset + a, need.blob.offset + b) for need in self.needs for a, b in need.ranges})
        if not spans:
            return
        blob = self.needs[0].blob
        whole = replace(blob, offset=0, size=max(need.blob.offset + need.blob.size for need in self.needs))
        with error_context(self.where):
            self.parts = dict(zip(spans, whole.read_ranges(spans), strict=True))

    def held(self, blob: Blob) -> Blob:
        return InHand(blob.source, blob.key, blob.offset, blob.size, self.parts) if self.parts else blob


@dataclass(frozen=True)
class InHand(Blob):
    """A blob some ranges of which were read before; asked for just those, it reads nothing.

    Attributes:
        parts: Bytes by ``(start, stop)`` in the object.
    """

    parts: Mapping[tuple[int, int], memoryview]

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """As `Blob.read`."""
        end = self.size if stop is None else min(stop, self.size)
        found = self.parts.get((self.offset + start, self.offset + end))
        return super().read(start, stop) if found is None else bytes(found)

    def read_ranges(self, ranges: Sequence[tuple[int, int]], *, gap: int = MERGE_GAP) -> list[memoryview]:
        """As `Blob.read_ranges`."""
        found = [self.parts.get((self.offset + start, self.offset + stop)) for start, stop in ranges]
        there = [part for part in found if part is not None]
        return there if len(there) == len(ranges) else super().read_ranges(ranges, gap=gap)


def _windows(plans: Sequence[PendingRead]) -> Iterator[Sequence[PendingRead]]:
    """Runs of plans that need about 64 MiB together."""
    start, size = 0, 0
    for place, plan in enumerate(plans):
        if size and size + plan.size > AT_ONCE:
            yield plans[start:place]
            start, size = place, 0
        size += plan.size
    yield plans[start:]


def map_threads(ask: Callable[[T], Result], each: Sequence[T], most: int = _AT_A_TIME) -> list[Result]:
    """What `ask` says of each, in order; asked at a time, but not of too many."""
    if len(each) < 2:
        return [ask(one) for one in each]
    with ThreadPoolExecutor(min(len(each), most)) as pool:
        return list(pool.map(ask, each))

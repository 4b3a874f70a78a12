"""Which positions of an epoch go into which batch, on which rank."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from reelbase.sampling.clip_plan import ClipRequest


class Order(Protocol):
    """The clips of an epoch in their order: a `ClipPlan`, `Buckets` or a `Mixture`."""

    def __len__(self) -> int: ...

    def starts(self, epoch: int, step: int, seen: int = 0) -> Sequence[int]:
        """Return the positions at which the steps of an epoch begin."""

    def requests(self, epoch: int, positions: ArrayLike) -> list[ClipRequest]:
        """Return the clips at positions of an epoch."""

    def describe(self) -> dict[str, Any]:
        """Return what the order depends on, as JSON values."""


@dataclass(frozen=True)
class Share:
    """One of several processes that train together.

    Attributes:
        rank: Number of this process, from 0.
        world_size: How many there are.
    """

    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.world_size < 1 or not 0 <= self.rank < self.world_size:
            raise UsageError(f"rank={self.rank} is not one of {self.world_size}.", "Ranks count from 0.")


@dataclass(frozen=True)
class Batches:
    """The batches of an epoch that one rank gets.

    All ranks make one step together: `batch_size` clips each, next to each other in the order. So the clips of a step
    do not depend on how many ranks share them, and an epoch can be continued with another number of ranks.

    The last step deals what is left evenly. If fewer clips than ranks are left, ranks that get none make one step
    less; with `drop_last` the last step is left out unless it is whole.

    Args:
        order: The clips of an epoch.
        batch_size: Clips of a batch on each rank.
        share: Which rank this is.
        drop_last: Leave out a last step that is not whole.
    """

    order: Order
    batch_size: int
    share: Share = field(default_factory=Share)
    drop_last: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.batch_size, bool) or not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise UsageError(f"batch_size={self.batch_size!r} is not a number of clips.", "Pass a positive int.")

    @property
    def step(self) -> int:
        """Clips of one step of all ranks."""
        return self.batch_size * self.share.world_size

    def count(self, epoch: int, seen: int = 0) -> int:
        """Return the number of batches that this rank gets after `seen` clips of the epoch."""
        return sum(1 for _ in self.bounds(epoch, seen)) if not self._is_regular else self._count_regular(seen)

    @property
    def _is_regular(self) -> bool:
        return isinstance(self.order.starts(0, self.step), range)

    def _count_regular(self, seen: int) -> int:
        whole, left = divmod(max(0, len(self.order) - seen), self.step)
        return whole + (not self.drop_last and self._cut(0, left)[0] < self._cut(0, left)[1])

    def bounds(self, epoch: int, seen: int = 0) -> Iterator[tuple[int, int, int]]:
        """Yield the batches of this rank: the first position, one past the last, and the clips delivered after it.

        The latter counts those of all ranks: it is what `seen` has to be to go on after the batch.
        """
        starts = self.order.starts(epoch, self.step, seen)
        for number, start in enumerate(starts):
            stop = starts[number + 1] if number + 1 < len(starts) else len(self.order)
            if stop - start < self.step and self.drop_last:
                continue
            first, last = self._cut(int(start), int(stop))
            if first < last:
                yield first, last, int(stop)

    def positions(self, epoch: int, seen: int = 0) -> Iterator[NDArray[np.int64]]:
        """Yield the positions of each batch: int64 ``(clips,)``."""
        for first, last, _ in self.bounds(epoch, seen):
            yield np.arange(first, last, dtype=np.int64)

    def _cut(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of a step that this rank gets."""
        size, share = stop - start, self.share
        return start + size * share.rank // share.world_size, start + size * (share.rank + 1) // share.world_size

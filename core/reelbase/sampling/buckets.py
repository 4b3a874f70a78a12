"""Batches of clips that fit together, such as those of one picture size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase.sampling.permutation import Permutation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from reelbase.sampling.clip_plan import ClipPlan, ClipRequest

_BUCKET, _STEPS = 100, 101  #: what permutations are for; apart from the numbers in clip_plan


@dataclass(frozen=True, eq=False)
class Buckets:
    """The clips of a plan, in steps that each take from one bucket alone.

    Every clip comes once. The last step of a bucket may be smaller.

    Args:
        plan: The clips; its order within a bucket and that of the steps are shuffled if the plan is.
        keys: ``(videos,)`` of the plan: which bucket each video is in, any integers.
        step: Clips of one step of all ranks. The order depends on it, so an epoch is continued with the same.

    Raises:
        UsageError: the plan draws with weights, or `keys` do not fit.
    """

    plan: ClipPlan
    keys: NDArray[np.int64]
    step: int

    def __post_init__(self) -> None:
        if self.plan.weights is not None:
            raise UsageError("Buckets cannot be made of a plan with weights.", "Leave out one of the two.")
        if np.shape(self.keys) != (len(self.plan.lengths),):
            raise UsageError(f"keys has shape {np.shape(self.keys)}.", "Pass one key for each video of the plan.")

    def __len__(self) -> int:
        return len(self.plan)

    @cached_property
    def _members(self) -> list[NDArray[np.int64]]:
        """For each bucket, the numbers of its clips."""
        of_clip = np.repeat(np.asarray(self.keys), self.plan.counts)
        order = np.argsort(of_clip, kind="stable")
        edges = np.flatnonzero(np.diff(of_clip[order])) + 1
        return np.split(order, edges)

    @cached_property
    def _steps(self) -> NDArray[np.int64]:
        """int64 ``(steps, 3)``: bucket, first member and one past the last of each step."""
        return np.array(
            [
                (bucket, first, min(first + self.step, len(members)))
                for bucket, members in enumerate(self._members)
                for first in range(0, len(members), self.step)
            ],
            np.int64,
        )

    def _order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of the steps in their order, and where each ends in the epoch."""
        return _order_steps(self, epoch)

    def starts(self, epoch: int, step: int, seen: int = 0) -> Sequence[int]:
        """See `ClipPlan.starts`.

        Raises:
            UsageError: `step` is not that of the buckets, or `seen` is inside a step.
        """
        if step != self.step:
            raise UsageError(
                f"These buckets are made for steps of {self.step} clips, not {step}.",
                "Keep batch_size times world_size when you continue an epoch.",
            )
        _, ends = self._order(epoch)
        starts = np.concatenate([[0], ends[:-1]])
        if seen and seen not in ends:
            raise UsageError(f"No step ends after {seen} clips.", "Load the state into a loader with the same buckets.")
        return starts[starts >= seen]  # type: ignore[return-value]

    def requests(self, epoch: int, positions: ArrayLike) -> list[ClipRequest]:
        """See `ClipPlan.requests`."""
        places = np.asarray(positions, np.int64).reshape(-1)
        order, ends = self._order(epoch)
        number = np.searchsorted(ends, places, side="right")
        steps = self._steps[order[number]]
        within = places - np.where(number > 0, ends[number - 1], 0) + steps[:, 1]
        clips = [
            self._members[bucket][self._shuffle(bucket, epoch, place)]
            for bucket, place in zip(steps[:, 0].tolist(), within.tolist(), strict=True)
        ]
        return self.plan.requests_of(epoch, np.array(clips, np.int64))

    def _shuffle(self, bucket: int, epoch: int, place: int) -> int:
        if not self.plan.shuffle:
            return place
        return int(_order_members(len(self._members[bucket]), self.plan.seed, epoch, bucket)(place))

    def describe(self) -> dict[str, Any]:
        """See `ClipPlan.describe`."""
        return {**self.plan.describe(), "buckets": len(self._members), "step": self.step}


_KEPT: Final = 64


@lru_cache(_KEPT)
def _order_members(size: int, seed: int, epoch: int, bucket: int) -> Permutation:
    return Permutation(size, seed, epoch, _BUCKET, bucket)


@lru_cache(4)
def _order_steps(buckets: Buckets, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    steps = buckets._steps
    order = np.arange(len(steps))
    if buckets.plan.shuffle:
        order = Permutation(len(steps), buckets.plan.seed, epoch, _STEPS)(order)
    return order, np.cumsum(steps[order, 2] - steps[order, 1])

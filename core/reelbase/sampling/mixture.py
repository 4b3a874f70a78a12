"""Clips of several datasets, in an exact ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from reelbase.sampling.batches import Order
    from reelbase.sampling.clip_plan import ClipRequest

_MAX_PATTERN: Final = 1_000_000
_MAX_DENOMINATOR: Final = 10_000  #: of the fractions that weights given as floats stand for


@dataclass(frozen=True, eq=False)
class Mixture:
    """Several orders, mixed in a ratio that holds exactly, and at any point within one clip.

    Each order goes on where it was, over the ends of epochs: of two datasets, the smaller one begins again when it is
    through, in its next order.

    Args:
        orders: The orders to mix.
        weights: How many clips of each, relative to the others.
        epoch_size: Number of clips of an epoch of the mixture.

    Raises:
        UsageError: values do not fit together.
    """

    orders: Sequence[Order]
    weights: Sequence[float | Fraction]
    epoch_size: int

    def __post_init__(self) -> None:
        if not self.orders or len(self.orders) != len(self.weights):
            raise UsageError(f"{len(self.weights)} weights for {len(self.orders)} datasets.", "Pass one each.")
        if self.epoch_size < 1:
            raise UsageError(f"epoch_size={self.epoch_size} is not a number of clips.", "Pass a positive int.")
        self._pattern  # noqa: B018 - raises if the weights are not valid

    def __len__(self) -> int:
        return self.epoch_size

    @cached_property
    def _shares(self) -> NDArray[np.int64]:
        """The smallest integers in the ratio of the weights."""
        try:
            exact = [Fraction(weight).limit_denominator(_MAX_DENOMINATOR) for weight in self.weights]
        except (TypeError, ValueError, OverflowError):
            exact = [Fraction(-1)]
        if any(weight <= 0 for weight in exact):
            raise UsageError(f"weights={list(self.weights)} are not valid.", "Pass positive numbers.")
        whole = math.lcm(*(weight.denominator for weight in exact))
        shares = [int(weight * whole) for weight in exact]
        shares = [share // math.gcd(*shares) for share in shares]
        if sum(shares) > _MAX_PATTERN:
            raise UsageError(f"The ratio {shares} is too fine.", "Round the weights.")
        return np.array(shares, np.int64)

    @cached_property
    def _pattern(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which order each clip of one round of the ratio is taken from, and how many of its clips came before it."""
        shares = self._shares
        # The k-th of n clips of an order is due in the middle of the k-th of n equal parts of the round.
        due = np.concatenate([(np.arange(share) + 0.5) / share for share in shares])
        source = np.repeat(np.arange(len(shares)), shares)
        before = np.concatenate([np.arange(share) for share in shares])
        order = np.argsort(due, kind="stable")
        return source[order], before[order]

    def starts(self, epoch: int, step: int, seen: int = 0) -> Sequence[int]:
        """See `ClipPlan.starts`."""
        return range(seen, self.epoch_size, step)

    def requests(self, epoch: int, positions: ArrayLike) -> list[ClipRequest]:
        """See `ClipPlan.requests`. `ClipRequest.source` is the number of the order that a clip is from."""
        source, before = self._pattern
        counted = np.asarray(positions, np.int64).reshape(-1) + epoch * self.epoch_size
        rounds, places = np.divmod(counted, len(source))
        sources = source[places]
        taken = rounds * self._shares[sources] + before[places]
        found: list[ClipRequest | None] = [None] * len(counted)
        for number, order in enumerate(self.orders):
            mine = np.flatnonzero(sources == number)
            epochs, own = np.divmod(taken[mine], len(order))
            for own_epoch in np.unique(epochs).tolist():
                chosen = np.flatnonzero(epochs == own_epoch)
                requests = order.requests(own_epoch, own[chosen])
                for place, request in zip(mine[chosen].tolist(), requests, strict=True):
                    found[place] = replace(request, source=number)
        return [request for request in found if request is not None]

    def describe(self) -> dict[str, Any]:
        """See `ClipPlan.describe`."""
        return {
            "mixture": [order.describe() for order in self.orders],
            "shares": self._shares.tolist(),
            "clips": self.epoch_size,
        }

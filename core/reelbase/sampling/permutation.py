"""A shuffled order that needs no memory: any place of it is computed alone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase.sampling.hashing import make_key, mix

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_ROUNDS: Final = 6
#: Up to here the order is made by sorting. A Feistel network of few bits is not random enough.
_MAX_SORTED: Final = 4096


class Permutation:
    """The numbers 0 to ``size - 1`` in an order that depends on the key alone.

    ``Permutation(10**9, seed)(positions)`` costs as much as there are positions, whatever the size.

    Large orders are a Feistel network over the next even power of two, applied again to whatever falls outside of the
    range ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).

    Args:
        size: How many numbers there are.
        key: Integers that choose the order, such as a seed and an epoch.
    """

    def __init__(self, size: int, *key: int) -> None:
        self.size = size
        self._keys = [make_key(*key, size, turn) for turn in range(_ROUNDS)]
        half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
        self._half = np.uint64(half)
        self._mask = np.uint64((1 << half) - 1)

    def __len__(self) -> int:
        return self.size

    def __call__(self, positions: ArrayLike) -> NDArray[np.int64]:
        """Return the numbers at positions from 0 to ``size - 1``: int64, the same shape."""
        places = np.asarray(positions, np.int64)
        if self.size <= _MAX_SORTED:
            return self._sorted[places]
        numbers = self._encrypt(places.reshape(-1).astype(np.uint64))
        while (outside := numbers >= np.uint64(self.size)).any():
            numbers[outside] = self._encrypt(numbers[outside])
        return numbers.astype(np.int64).reshape(places.shape)

    @cached_property
    def _sorted(self) -> NDArray[np.int64]:
        return np.argsort(mix(np.arange(self.size, dtype=np.uint64) ^ self._keys[0]), kind="stable")

    def _encrypt(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (mix(right ^ key) & self._mask)
        return (left << self._half) | right

"""Pseudo-random numbers as a function of what they are for. No state is advanced, so any number can be asked alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

# Constants of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_UNIT: Final = 2.0**-53


def mix(words: Words) -> Words:
    """Return SplitMix64's hash of each word: uint64, the same shape."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is what is wanted
        mixed = words + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        return mixed ^ (mixed >> np.uint64(31))


def make_key(*parts: int) -> np.uint64:
    """Return one word for several integers, such as a seed, an epoch and the purpose. Their order matters."""
    key = np.zeros(1, np.uint64)
    for part in parts:
        key = mix(key ^ np.uint64(part & 0xFFFFFFFFFFFFFFFF))
    return np.uint64(key[0])


def make_words(key: np.uint64, numbers: NDArray[np.int64]) -> Words:
    """Return 64 random bits for each of `numbers`: uint64, the same shape."""
    return mix(mix(numbers.astype(np.uint64)) ^ key)


def draw(key: np.uint64, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each of `numbers`: float64, the same shape, uniform, with 53 random bits."""
    return (make_words(key, numbers) >> np.uint64(11)).astype(np.float64) * _UNIT

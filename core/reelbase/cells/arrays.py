"""Arrays on their way to the user: stacked, copied, or written into an array that the user passed."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.contracts.htype import brief
from reelbase.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stack(parts: list[Any]) -> Any:
    """Return one array if all parts are arrays of the same shape, otherwise the list as it is."""
    is_uniform = parts and all(isinstance(part, np.ndarray) and part.shape == parts[0].shape for part in parts)
    return np.stack(parts) if is_uniform else parts


def deliver(array: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """Return an array that belongs to the user.

    Args:
        array: The array, which may be part of what is cached.
        out: The user's array to write into, or None for a C-contiguous copy. A copy is needed because the user may
            write into the result.
    """
    if out is None:
        return np.array(array, order="C")
    target = check_narrowing(check_out(out, array.shape), array)
    try:
        target[...] = array
    except (TypeError, ValueError):
        raise UsageError(
            f"out= is {out.dtype}; the selection is {array.dtype}.", "Pass an array of its dtype."
        ) from None
    return out


def check_out(out: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return `out` if a result of `shape` can be written into it.

    Raises:
        UsageError: it has another shape, is not C-contiguous, or is read-only.
    """
    if not isinstance(out, np.ndarray):
        raise UsageError(f"out= is a {type(out).__name__}.", f"Pass a numpy array of shape {shape}.")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise UsageError(
            f"out= has shape {out.shape}; the selection has {shape}.",
            "Pass a writable, C-contiguous array of that shape.",
        )
    return out


def check_narrowing(out: NDArray[Any], array: NDArray[Any]) -> NDArray[Any]:
    """Return `out` unless 16-bit values would be cut to 8 bits when `array` is written into it.

    Raises:
        UsageError: they would.
    """
    if array.dtype.kind == out.dtype.kind == "u" and out.dtype.itemsize < array.dtype.itemsize:
        raise UsageError(f"out= is {out.dtype}; the selection is {array.dtype}.", f"Give an array of {array.dtype}.")
    return out


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return `size` as two ints.

    Args:
        size: Height and width in pixels.

    Raises:
        UsageError: it is not a pair of positive integers.
    """
    try:
        height, width = (operator.index(length) for length in size)
    except (TypeError, ValueError, RecursionError):
        raise UsageError(f"size={brief(size)} is not (height, width).", "Pass two positive ints.") from None
    if height < 1 or width < 1:
        raise UsageError(f"size={brief(size)} is not positive.", "Pass (height, width) in pixels.")
    return height, width

"""Arrays on their way to the user: stacked, copied, or written into an array of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stack(parts: list[Any]) -> Any:
    """One array if all parts are arrays of one shape, else the list as it is."""
    alike = parts and all(isinstance(part, np.ndarray) and part.shape == parts[0].shape for part in parts)
    return np.stack(parts) if alike else parts


def deliver(array: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """`array` in `out`, or as a C-contiguous copy of its own, so that a user cannot write into what is cached."""
    if out is None:
        return np.array(array, order="C")
    check_narrowing(check_out(out, array.shape), array)[...] = array
    return out


def check_out(out: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """`out` itself, if a result of `shape` can be written into it.

    Raises:
        UsageError: it has another shape, is not C-contiguous, or is read-only.
    """
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise UsageError(
            f"out= has shape {out.shape}; the selection has {shape}.",
            "Give a writable, C-contiguous array of that shape.",
        )
    return out


def check_narrowing(out: NDArray[Any], array: NDArray[Any]) -> NDArray[Any]:
    """`out` itself, unless 16-bit values would be cut to 8 bits when `array` is written into it.

    Raises:
        UsageError: they would.
    """
    if array.dtype.kind == out.dtype.kind == "u" and out.dtype.itemsize < array.dtype.itemsize:
        raise UsageError(f"out= is {out.dtype}; the selection is {array.dtype}.", f"Give an array of {array.dtype}.")
    return out


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """`size` as two ints.

    Raises:
        UsageError: it is not two positive integers.
    """
    try:
        height, width = (int(length) for length in size)
    except (TypeError, ValueError):
        raise UsageError(f"size={size!r} is not (height, width).", "Give two positive ints.") from None
    if height < 1 or width < 1:
        raise UsageError(f"size={size!r} is not positive.", "Give (height, width) in pixels.")
    return height, width

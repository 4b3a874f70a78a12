"""Box coordinates and conversion between them. Pure functions on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import HtypeError, UsageError
from reelbase.plugin import brief
from reelbase_plugins.annotations._names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Coords = Mapping[str, str]

TYPES: Final = ("pixel", "fractional")
MODES: Final = ("LTRB", "LTWH", "CCWH")
DEFAULT: Final = {"type": "pixel", "mode": "LTWH"}


def check_coords(coords: object) -> dict[str, str]:
    """Return `coords` as a plain dict with the keys "type" and "mode".

    Raises:
        HtypeError: a key or value is missing or unknown.
    """
    if not hasattr(coords, "keys"):
        raise HtypeError(f"coords={brief(coords)} is not a dict.", f"Pass, for example, coords={DEFAULT!r}.")
    given = dict(coords)  # type: ignore[call-overload]
    for key in given:
        if key not in DEFAULT:
            raise HtypeError(f"coords has no key {key!r}.", did_you_mean(key, list(DEFAULT)))
    return {key: _check_value(given, key, known) for key, known in (("type", TYPES), ("mode", MODES))}


def _check_value(given: Mapping[str, object], key: str, known: tuple[str, ...]) -> str:
    if key not in given:
        raise HtypeError(f"coords={dict(given)!r} has no {key!r}.", f"Add one of {', '.join(map(repr, known))}.")
    value = given[key]
    if value not in known:
        raise HtypeError(f"coords: {brief(value)} is not a box {key}.", did_you_mean(value, known))
    return str(value)


def convert_to_edges(boxes: NDArray[Any], mode: str) -> NDArray[np.float64]:
    """Return left, top, right and bottom of boxes ``(..., 4)`` with coordinates in `mode`."""
    return _change_mode(np.asarray(boxes, np.float64), mode, "LTRB")


def convert(
    boxes: NDArray[Any], source: Coords, target: Coords, *, size: tuple[int, int] | None = None
) -> NDArray[np.floating[Any]]:
    """Convert boxes to other coordinates.

    Args:
        boxes: Boxes ``(..., 4)`` in `source` coordinates.
        source: Coordinates of `boxes`: ``{"type": ..., "mode": ...}``.
        target: Coordinates of the result.
        size: ``(height, width)`` of the picture; needed if the types differ.

    Returns:
        Boxes ``(..., 4)``, with the dtype of `boxes` if that is a floating one, else float64. They are computed in
        float64 and rounded once, so converting there and back only differs by that rounding.

    Raises:
        HtypeError: the coordinates are unknown, or the last axis does not have length 4.
        UsageError: the types differ and `size` is missing or not positive.
    """
    source, target = check_coords(source), check_coords(target)
    array = np.asarray(boxes)
    if array.ndim == 0 or array.shape[-1] != 4:
        raise HtypeError(f"Boxes of shape {array.shape} do not end in an axis of 4.", "Pass (..., 4).")
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    converted = _change_mode(array.astype(np.float64), source["mode"], target["mode"])
    return (converted * _make_scale(source["type"], target["type"], size)).astype(dtype)


def _change_mode(boxes: NDArray[np.float64], source: str, target: str) -> NDArray[np.float64]:
    if source == target:
        return boxes
    first, second = boxes[..., :2], boxes[..., 2:]
    extent = second - first if source == "LTRB" else second
    start = first - extent / 2 if source == "CCWH" else first
    if target == "LTRB":
        return np.concatenate([start, start + extent], axis=-1)
    return np.concatenate([start + extent / 2 if target == "CCWH" else start, extent], axis=-1)


def _make_scale(source: str, target: str, size: tuple[int, int] | None) -> NDArray[np.float64]:
    if source == target:
        return np.ones(4)
    if size is None or min(size) <= 0:
        raise UsageError(
            f"Boxes cannot be converted from {source} to {target} with size={size!r}.",
            "Pass the size=(height, width) of the picture.",
        )
    height, width = size
    pixels = np.array([width, height, width, height], float)
    return pixels if target == "pixel" else 1 / pixels

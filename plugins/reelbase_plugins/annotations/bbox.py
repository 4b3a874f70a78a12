"""The htype bbox: axis-aligned boxes of one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Htype, as_array, brief
from reelbase_plugins.annotations import box_coords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Fractional labels are often rounded to two decimals, so an edge may lie this far outside the picture.
_OUTSIDE = 0.01


class BBox(Htype):
    """Boxes ``(n, 4)``; ``(4,)`` is taken as one box, and ``[]`` as none.

    Pixel boxes may reach out of the picture, as real annotations do; fractional ones may not, so that
    pixel values given by mistake are found. A box of no extent, such as LaSOT's ``0,0,0,0`` for an absent
    target, is allowed.

    Args:
        coords: ``{"type": "pixel" | "fractional", "mode": "LTRB" | "LTWH" | "CCWH"}``: left, top, right,
            bottom; left, top, width, height; or centre x, centre y, width, height. By default pixel and LTWH,
            as in LaSOT, MOTChallenge and COCO.

    Raises:
        HtypeError: unknown coordinates.
    """

    name: ClassVar[str] = "bbox"
    dtype: ClassVar[str | None] = "float32"
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64", "int16", "int32", "int64", "uint16", "uint32")
    role: ClassVar[str] = "boxes"

    def __init__(self, *, coords: Mapping[str, str] | None = None) -> None:
        self.coords = box_coords.check_coords(box_coords.DEFAULT if coords is None else coords)

    def settings(self) -> Mapping[str, Any]:
        """The coordinates."""
        return {"coords": dict(self.coords)}

    def check(self, value: Any) -> NDArray[Any]:
        """The boxes as ``(n, 4)``, of the dtype they came in.

        Raises:
            HtypeError: no such array; a value not finite; an extent below 0; a fraction outside 0 to 1.
        """
        array = as_array(value)
        if array.shape in ((0,), (0, 4)):
            return np.zeros((0, 4), np.float32)
        if array.ndim not in (1, 2) or array.shape[-1] != 4:
            raise HtypeError(f"{brief(value)} has shape {array.shape}: these are not boxes.", _SHAPES)
        array = array.reshape(-1, 4)
        self._check_values(array)
        return array

    def check_many(self, value: Any) -> NDArray[Any] | None:
        """A stack of boxes ``(n, boxes, 4)``, or ``(n, 4)`` with one box each, checked at once."""
        try:
            array = as_array(value)
        except HtypeError:
            return None
        if array.ndim not in (2, 3) or array.shape[-1] != 4 or array.size == 0:
            return None
        try:
            self._check_values(array.reshape(-1, 4))
        except HtypeError:
            return None
        return array[:, np.newaxis] if array.ndim == 2 else array

    def data(self, array: NDArray[Any]) -> dict[str, Any]:
        """``{"value": boxes, "coords": coords}``."""
        return {"value": self.numpy(array), "coords": dict(self.coords)}

    def plain(self, array: NDArray[Any]) -> list[Any]:
        """The boxes, always a list of them."""
        return list(array.tolist())

    def drawn(self, array: NDArray[Any], size: tuple[int, int]) -> list[Any]:
        """Left, top, width and height of each box, in pixels."""
        shown = box_coords.convert(array, self.coords, box_coords.DEFAULT, size=size)
        return list(shown.astype(float).round(2).tolist())

    def _check_values(self, array: NDArray[Any]) -> None:
        if array.dtype.kind not in "iuf":
            raise HtypeError(f"{brief(array)} is of dtype {array.dtype}.", "Give boxes as floats or integers.")
        wide = array.astype(np.float64)
        _refuse(~np.isfinite(wide), array, "is not finite", "Leave the box out where there is none: shape (0, 4).")
        start, second = wide[:, :2], wide[:, 2:]
        if self.coords["mode"] == "LTRB":
            _refuse(
                second < start,
                array,
                "ends before it starts",
                "LTRB is left, top, right, bottom. Is it LTWH?",
            )
        else:
            _refuse(second < 0, array, "has a negative extent", f"{self.coords['mode']} ends in width, height.")
        if self.coords["type"] == "fractional":
            edges = box_coords.edges(wide, self.coords["mode"])
            outside = (edges < -_OUTSIDE) | (edges > 1 + _OUTSIDE)
            _refuse(outside, array, "is outside the picture", 'Fractions go from 0 to 1. Is the type "pixel"?')


_SHAPES = "Give (n, 4), or (4,) for one box; a sequence[bbox] tensor takes such an item for each frame."


def _refuse(bad: NDArray[np.bool_], array: NDArray[Any], why: str, todo: str) -> None:
    rows = np.flatnonzero(bad.any(axis=1))
    if len(rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise HtypeError(f"Box {rows[0]}, {array[rows[0]].tolist()}, {why}{more}.", todo)

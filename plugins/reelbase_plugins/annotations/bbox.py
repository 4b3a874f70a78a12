"""The htype bbox: axis-aligned boxes in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Htype, ListOf, as_array, brief
from reelbase_plugins.annotations import box_coords
from reelbase_plugins.annotations.box_fields import type_of_box

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from reelbase.plugin import ValueType

#: Fractional labels are often rounded to two decimals, so an edge may be this far outside the picture.
_MAX_FRACTION_OUTSIDE = 0.01


class BBox(Htype):
    """Boxes ``(n, 4)``. An array ``(4,)`` is one box, and ``[]`` no boxes.

    Pixel boxes may extend beyond the picture, as in real annotations. Fractional ones may not, so that pixel
    values are not taken for fractions by mistake. A box with width and height 0 is allowed: LaSOT writes
    ``0,0,0,0`` for an absent target.

    Args:
        coords: ``{"type": "pixel" | "fractional", "mode": "LTRB" | "LTWH" | "CCWH"}``: left, top, right,
            bottom; left, top, width, height; or centre x, centre y, width, height. By default pixel and LTWH,
            as in LaSOT, MOTChallenge and COCO.

    Raises:
        HtypeError: `coords` is not one of these.
    """

    name: ClassVar[str] = "bbox"
    dtype: ClassVar[str | None] = "float32"
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64", "int16", "int32", "int64", "uint16", "uint32")
    role: ClassVar[str] = "boxes"

    def __init__(self, *, coords: Mapping[str, str] | None = None) -> None:
        self.coords = box_coords.check_coords(box_coords.DEFAULT if coords is None else coords)

    def settings(self) -> Mapping[str, Any]:
        """Return the arguments that make this htype again: the coordinates."""
        return {"coords": dict(self.coords)}

    def check(self, value: Any) -> NDArray[Any]:
        """Return boxes as an array ``(n, 4)`` of their own dtype.

        Raises:
            HtypeError: the shape is wrong, a value is not finite or an extent negative, or a fraction is not in 0 to 1.
        """
        array = as_array(value)
        if array.shape in ((0,), (0, 4)):  # the dtype of an empty list says nothing, so use the default
            return np.zeros((0, 4), np.float32)
        if array.ndim not in (1, 2) or array.shape[-1] != 4:
            raise HtypeError(f"{brief(value)} has shape {array.shape}: these are not boxes.", _SHAPES)
        array = array.reshape(-1, 4)
        self._check_values(array)
        return array

    def check_many(self, value: Any) -> NDArray[Any] | None:
        """Check many samples at once: an array ``(n, boxes, 4)``, or ``(n, 4)`` with one box per sample.

        Returns:
            None if they cannot be checked at once, or if one is invalid; each is then checked alone.
        """
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

    def convert(self, array: NDArray[Any], source: Htype, picture_size: Callable[[], tuple[int, int] | None]) -> Any:
        """Return boxes of another tensor in the coordinates of this one; they are rounded once, to its dtype.

        Raises:
            HtypeError: they are in pixels and these are fractions, or the reverse, and the size of the picture is not
                known; or the converted boxes cannot be held.
        """
        if not isinstance(source, BBox) or source.coords == self.coords:
            return super().convert(array, source, picture_size)
        size = picture_size() if source.coords["type"] != self.coords["type"] else None
        if size is None and source.coords["type"] != self.coords["type"]:
            raise HtypeError(
                f"Boxes cannot be converted from {source.coords['type']} to {self.coords['type']}: their row has no "
                "picture, or several of different sizes.",
                "Convert the array view.numpy() yourself, and append that.",
            )
        exact = array if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else array.astype(np.float64)
        return self.check(box_coords.convert(exact, source.coords, self.coords, size=size))

    def data(self, array: NDArray[Any]) -> dict[str, Any]:
        """Return ``{"value": boxes, "coords": coords}``."""
        return {"value": self.numpy(array), "coords": dict(self.coords)}

    def plain(self, array: NDArray[Any]) -> list[Any]:
        """Return the boxes as a list, also if there is only one."""
        return list(array.tolist())

    def value_type(self, dtype: str | None) -> ValueType:
        """Return a list of boxes, whose fields are edges, extents, centre and area in the units of `coords`."""
        return ListOf(type_of_box(self.coords, dtype or "float32"))

    def drawn(self, array: NDArray[Any], size: tuple[int, int]) -> list[Any]:
        """Return left, top, width and height of each box in pixels, for a picture of the given size."""
        pixels = box_coords.convert(array, self.coords, box_coords.DEFAULT, size=size)
        return list(pixels.astype(float).round(2).tolist())

    def _check_values(self, array: NDArray[Any]) -> None:
        if array.dtype.kind not in "iuf":
            raise HtypeError(f"{brief(array)} is of dtype {array.dtype}.", "Pass boxes as floats or integers.")
        boxes = array.astype(np.float64)  # unsigned integers would wrap around in the comparisons below
        _check_boxes(~np.isfinite(boxes), array, "is not finite", "If there is no box, pass an array of shape (0, 4).")
        start, second = boxes[:, :2], boxes[:, 2:]
        if self.coords["mode"] == "LTRB":
            _check_boxes(
                second < start,
                array,
                "ends before it starts",
                "LTRB is left, top, right, bottom. Is it LTWH?",
            )
        else:
            _check_boxes(second < 0, array, "has a negative extent", f"{self.coords['mode']} ends in width, height.")
        # Pixel boxes are not checked against the picture: they may extend beyond it, and its size is not known here.
        if self.coords["type"] == "fractional":
            edges = box_coords.convert_to_edges(boxes, self.coords["mode"])
            outside = (edges < -_MAX_FRACTION_OUTSIDE) | (edges > 1 + _MAX_FRACTION_OUTSIDE)
            _check_boxes(outside, array, "is outside the picture", 'Fractions go from 0 to 1. Is the type "pixel"?')


_SHAPES = "Pass (n, 4), or (4,) for one box; a sequence[bbox] tensor takes one such array per frame."


def _check_boxes(bad: NDArray[np.bool_], array: NDArray[Any], why: str, todo: str) -> None:
    rows = np.flatnonzero(bad.any(axis=1))
    if len(rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise HtypeError(f"Box {rows[0]}, {array[rows[0]].tolist()}, {why}{more}.", todo)

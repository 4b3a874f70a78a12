"""The htype keypoints: named points of one body, hand or face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Htype, as_array, brief

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Keypoints(Htype):
    """Points ``(K, 3)`` as x, y, visibility, one for each name; visibility as in COCO: 0 absent, 1 hidden, 2 seen.

    Args:
        names: What the points are, in order: ``["nose", "left hand"]``.

    Raises:
        HtypeError: the names are not list of different strings.
    """

    name: ClassVar[str] = "keypoints"
    dtype: ClassVar[str | None] = "float32"
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")

    def __init__(self, *, names: Sequence[str]) -> None:
        listed = list(names) if isinstance(names, Sequence) and not isinstance(names, str) else []
        if not listed or len(set(map(str, listed))) < len(listed) or not all(isinstance(n, str) and n for n in listed):
            raise HtypeError(f"names={brief(names)} are not names of points.", 'Give names=["nose", "left hand", …].')
        self.names = tuple(listed)

    def settings(self) -> Mapping[str, Any]:
        """The names."""
        return {"names": list(self.names)}

    def check(self, value: Any) -> NDArray[Any]:
        """The points ``(K, 3)``, from such an array or from ``{"nose": (x, y, visibility)}``; absent ones are zeros.

        Raises:
            HtypeError: a wrong shape, an unknown name, a value that is not finite, a visibility but 0, 1 and 2.
        """
        points = as_array(self._rows(value) if isinstance(value, Mapping) else value)
        wanted = (len(self.names), 3)
        if points.shape != wanted or points.dtype.kind not in "iuf":
            todo = f"Give {wanted}: x, y, visibility for each of {', '.join(self.names)}."
            raise HtypeError(f"{brief(value)} has shape {points.shape} and dtype {points.dtype}.", todo)
        for name, row in zip(self.names, points.tolist(), strict=True):
            if not np.isfinite(row).all() or row[2] not in {0, 1, 2}:
                raise HtypeError(f"{name!r} is {row}.", "Give finite x and y, and 0, 1 or 2 as visibility.")
        return points

    def check_many(self, value: Any) -> NDArray[Any] | None:
        """A stack ``(n, K, 3)`` checked at once."""
        if (
            not isinstance(value, np.ndarray)
            or value.shape[1:] != (len(self.names), 3)
            or value.dtype.kind not in "iuf"
        ):
            return None
        return value if np.isfinite(value).all() and np.isin(value[..., 2], (0, 1, 2)).all() else None

    def convert(self, array: NDArray[Any], source: Htype, picture_size: Callable[[], tuple[int, int] | None]) -> Any:
        """Points of another tensor, put in the order of this one; points that it does not have are absent.

        Raises:
            HtypeError: a point that is not absent has no name here.
        """
        if isinstance(source, Keypoints) and source.names != self.names:
            return self.check(source.data(array)["points"])
        return super().convert(array, source, picture_size)

    def data(self, array: NDArray[Any]) -> dict[str, Any]:
        """``{"value": points, "points": {"nose": [x, y, visibility], …}}``, without the absent ones."""
        rows = zip(self.names, array.tolist(), strict=True)
        return {"value": array, "points": {name: row for name, row in rows if row[2]}}

    def _rows(self, points: Mapping[str, Any]) -> list[Any]:
        if unknown := [name for name in points if name not in self.names]:
            raise HtypeError(f"{unknown[0]!r} is not a point of this tensor.", f"Its points: {', '.join(self.names)}.")
        return [points.get(name, (0, 0, 0)) for name in self.names]

"""How large the pictures of a batch are: scaled to a size, then cropped."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.cells.arrays import check_size
from reelbase.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CROPS: Final = (None, "center", "random")


@dataclass(frozen=True)
class Framing:
    """What is shown of each frame.

    Args:
        size: ``(height, width)`` in pixels; an int is the length of the shorter side, so that the shape of pictures is
            kept; None keeps their size.
        crop: "center" or "random": cut to a square of `size`, or to ``(height, width)`` after the picture was scaled to
            cover it. A random crop is the same for all frames of a clip. None does not crop.

    Raises:
        UsageError: `size` or `crop` is not valid.
    """

    size: int | tuple[int, int] | None = None
    crop: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _parse_size(self.size))
        if self.crop not in _CROPS:
            raise UsageError(f"crop={self.crop!r} is not known.", "Pass 'center', 'random' or None.")
        if self.crop and self.size is None:
            raise UsageError(f"crop={self.crop!r} needs a size.", "Pass size=224, or size=(height, width).")

    def scale(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width that pictures are scaled to, before they are cropped."""
        if self.size is None:
            return height, width
        if self.crop is None and not isinstance(self.size, int):
            return self.size
        factor = max(self._box[0] / height, self._box[1] / width)
        scaled = (max(1, round(height * factor)), max(1, round(width * factor)))
        return scaled if self.crop is None else (max(scaled[0], self._box[0]), max(scaled[1], self._box[1]))

    def show(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the pictures in a batch."""
        return self.scale(height, width) if self.crop is None else self._box

    def cut(self, pictures: NDArray[Any], draw: float) -> NDArray[Any]:
        """Return the part that is shown of scaled pictures ``(T, H, W, C)``: a view.

        Args:
            pictures: The pictures, scaled.
            draw: A number in [0, 1) that chooses the place of a random crop.
        """
        if self.crop is None:
            return pictures
        spare = pictures.shape[1] - self._box[0], pictures.shape[2] - self._box[1]
        if self.crop == "center":
            top, left = spare[0] // 2, spare[1] // 2
        else:  # one number for both: its place among all that are possible
            top, left = divmod(int(draw * (spare[0] + 1) * (spare[1] + 1)), spare[1] + 1)
        return pictures[:, top : top + self._box[0], left : left + self._box[1]]

    @property
    def _box(self) -> tuple[int, int]:
        return (self.size, self.size) if isinstance(self.size, int) else self.size or (0, 0)


def _parse_size(size: Any) -> int | tuple[int, int] | None:
    if size is None:
        return None
    try:
        side = operator.index(size)
    except TypeError:
        return check_size(size)
    if isinstance(size, bool) or side < 1:
        raise UsageError(f"size={size!r} is not a length.", "Pass the pixels of the shorter side, or (height, width).")
    return side

"""Frames with their boxes drawn into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cli._sheet import draw_boxes
from reelbase.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.dataset import Dataset
    from reelbase.view import View


class Boxed:
    """A view of frames, as exports ask it.

    Args:
        view: Some frames of one video.
        boxes: Of each of them: left, top, right, bottom in pixels, ``(n, 4)``.
    """

    def __init__(self, view: View, boxes: Sequence[NDArray[Any]]) -> None:
        self._view = view
        self._boxes = boxes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def __getitem__(self, at: int) -> Boxed:
        return Boxed(self._view[at], [self._boxes[at]])

    def numpy(self, *, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The frames, scaled first, so that lines stay as thin as they are."""
        *_, height, width, _ = self._view.shape
        pixels: NDArray[np.uint8] = self._view.numpy(size=size)
        frames = pixels.reshape(-1, *pixels.shape[-3:])
        scale = np.tile([pixels.shape[-2] / (width or 1), pixels.shape[-3] / (height or 1)], 2)
        drawn = [draw_boxes(one, boxes * scale) for one, boxes in zip(frames, self._boxes, strict=True)]
        return np.stack(drawn).reshape(pixels.shape) if drawn else pixels


def boxed(view: View, dataset: Dataset, tensor: str, row: int, frames: Any) -> Boxed:
    """`view`, frames of a row, with the boxes of a tensor.

    Raises:
        UsageError: it holds no boxes for each frame.
    """
    one = dataset[tensor]
    role, drawn = one._snapshot().htype.role, one._snapshot().htype.drawn
    if role != "boxes" or not one._snapshot().is_sequence:
        raise UsageError(f"{tensor!r} is {one.htype}: no boxes for each frame.", "Name a sequence[bbox] tensor.")
    height, width = view.shape[1:3]
    stored = one[row][frames]._one().stored_items()
    size = (height or 1, width or 1)
    return Boxed(view, [_edges(drawn(each, size)) for each in stored])


def _edges(boxes: list[list[float]]) -> NDArray[np.float64]:
    """Left, top, right and bottom of boxes that are given by left, top, width and height."""
    array = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([array[:, :2], array[:, :2] + array[:, 2:]], axis=1)

"""Frames with boxes drawn on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cli._sheet import draw_boxes
from reelbase.errors import UsageError
from reelbase.tensor import make_tensor_source
from reelbase.viewing.tensor_source import select_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.dataset import Dataset
    from reelbase.view import View


class BoxedView:
    """A view of frames whose `numpy` draws boxes on them. Everything else is passed on to the view.

    Args:
        view: Frames of one video.
        boxes: The boxes of each frame: arrays ``(n, 4)`` of left, top, right and bottom in pixels.
    """

    def __init__(self, view: View, boxes: Sequence[NDArray[Any]]) -> None:
        self._view = view
        self._boxes = boxes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def __getitem__(self, position: int) -> BoxedView:
        return BoxedView(self._view[position], [self._boxes[position]])

    def numpy(self, *, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Return the frames with their boxes. Frames are scaled first, so that the lines keep their width."""
        *_, height, width, _ = self._view.shape
        pixels: NDArray[np.uint8] = self._view.numpy(size=size)
        frames = pixels.reshape(-1, *pixels.shape[-3:])
        scale = np.tile([pixels.shape[-2] / (width or 1), pixels.shape[-3] / (height or 1)], 2)
        drawn = [draw_boxes(frame, boxes * scale) for frame, boxes in zip(frames, self._boxes, strict=True)]
        return np.stack(drawn).reshape(pixels.shape) if drawn else pixels


def add_boxes(view: View, dataset: Dataset, tensor: str, row: int, frames: Any) -> BoxedView:
    """Add the boxes of a tensor to frames.

    Args:
        view: The frames.
        dataset: Dataset of the tensor.
        tensor: Name of a tensor with boxes for each frame.
        row: Row of the video.
        frames: Selection of frames that `view` was made with.

    Raises:
        UsageError: the tensor does not have boxes for each frame.
    """
    source = make_tensor_source(dataset[tensor])
    if source.item.role != "boxes" or not source.is_sequence:
        raise UsageError(
            f"{tensor!r} is a {source.htype} tensor: it does not have boxes for each frame.",
            "Name a sequence[bbox] tensor.",
        )
    height, width = view.shape[1:3]
    stored = select_sample(source.rows[row][frames]).stored_items()
    size = (height or 1, width or 1)
    drawn = [[] if boxes is None else source.item.drawn(boxes, size) for boxes in stored]
    return BoxedView(view, [_convert_to_edges(boxes) for boxes in drawn])


def _convert_to_edges(boxes: list[list[float]]) -> NDArray[np.float64]:
    """Convert boxes of left, top, width and height to left, top, right and bottom."""
    array = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([array[:, :2], array[:, :2] + array[:, 2:]], axis=1)

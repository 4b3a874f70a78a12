"""Planes of media samples, as a decoder gives them: ``numpy(pixels="yuv")``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import SampleIndexError
from reelbase.selection.indexing import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from reelbase.selection.indexing import Item, Selection


def frame_item(rest: Selection) -> Item:
    """Return what is left to be done with the axis of frames, of a selection that does nothing else.

    Args:
        rest: The selection to apply to the array of the requested frames, from `Selection.split_frames`.

    Raises:
        SampleIndexError: it selects rows, columns or channels: planes differ in size, so that one index does not fit
            all of them.
    """
    steps = [step for step in rest.steps if not (len(step) == 1 and step[0] is Ellipsis)]
    if not steps:
        return WHOLE
    first, *others = steps[0]
    if len(steps) > 1 or not isinstance(first, (int, slice, np.ndarray)) or not all(map(_is_whole, others)):
        raise _make_part_error()
    return first


def check_whole(selection: Selection, shape: tuple[int, ...]) -> None:
    """Check that a selection takes a whole picture of `shape`.

    Raises:
        SampleIndexError: it takes a part of the picture.
    """
    rows, rest = selection.split_frames(shape)
    if rest.steps or not np.array_equal(rows, np.arange(shape[0])):
        raise _make_part_error()


def _make_part_error() -> SampleIndexError:
    return SampleIndexError(
        "pixels='yuv' gives whole planes: rows, columns and channels cannot be selected.",
        "Select frames only, and index each plane of the result.",
    )


def _is_whole(item: Item) -> bool:
    return isinstance(item, slice) and item == WHOLE


def pick_frames(planes: Mapping[str, NDArray[Any]], item: Item) -> dict[str, NDArray[Any]]:
    """Return the planes of the frames that `item` picks on the first axis."""
    return {name: plane if _is_whole(item) else plane[item].copy() for name, plane in planes.items()}

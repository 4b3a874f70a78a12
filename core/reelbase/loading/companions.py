"""What other tensors hold for a clip: per-frame annotations of its frames, whole samples of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells import MissingCell
from reelbase.io.batch_read import execute
from reelbase.samples.selected import SelectedSample
from reelbase.selection.indexing import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.loading.source import ClipSource
    from reelbase.sampling import CutClip


def read_companions(source: ClipSource, row: int, clip: CutClip) -> dict[str, Any]:
    """Return the values of the other tensors for a clip, by name; None where a row holds none.

    A tensor that is paired with the video gives one item for each frame of the clip.
    """
    samples: dict[str, SelectedSample] = {}
    values: dict[str, Any] = {}
    for name, snapshot in source.others.items():
        cell = snapshot.cells([row])[0] if row < len(snapshot) else MissingCell(snapshot.label(row))
        if isinstance(cell, MissingCell):
            values[name] = None
            continue
        selection = Selection().then((clip.frames,)) if name in source.per_frame else Selection()
        samples[name] = SelectedSample(*cell.narrow(selection), snapshot.label(row))
    arrays = execute([sample.prepare_array() for sample in samples.values()])
    for (name, sample), array in zip(samples.items(), arrays, strict=True):
        values[name] = sample.prepare_data().finish() if _is_text(array) else array
    return {name: values[name] for name in source.others}


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "OUS"


def join(values: Sequence[Any]) -> Any:
    """Return values of several clips as one array if their shapes agree, else as a list."""
    arrays = [value for value in values if isinstance(value, (np.ndarray, np.generic))]
    if len(arrays) == len(values) and len({(array.shape, array.dtype) for array in arrays}) == 1:
        return np.stack(arrays)
    return list(values)


def pad(values: Sequence[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """Return arrays of several lengths as one array with zeros after their ends, and a mask that is True for values.

    None stands for an array without values. Returns None if they are something else, or their axes do not agree.
    """
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    others = [value for value in values if not isinstance(value, np.ndarray) and value is not None]
    if not arrays or others or len({(array.ndim, array.dtype) for array in arrays}) != 1 or not arrays[0].ndim:
        return None
    shape = np.max([array.shape for array in arrays], axis=0)
    whole = np.zeros((len(values), *shape), arrays[0].dtype)
    mask = np.zeros(whole.shape[:2], bool)
    for number, value in enumerate(values):
        if value is not None:
            place: Any = (number, *(slice(length) for length in value.shape))
            whole[place] = value
            mask[number, : len(value)] = True
    return whole, mask

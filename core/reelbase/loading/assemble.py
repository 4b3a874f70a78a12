"""A finished batch as a dict of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells.arrays import stack
from reelbase.loading.companions import join, pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.loading.settings import LoaderSettings
    from reelbase.loading.slots import PlacedClip, Slot
    from reelbase.loading.source import ClipSource


def assemble(
    slots: Sequence[Slot],
    buffer: NDArray[np.uint8] | None,
    settings: LoaderSettings,
    sources: Sequence[ClipSource],
) -> Any:
    """Return a batch as the caller gets it: a dict, after the transforms.

    Clips that were left out are not in it.
    """
    samples = [
        _make_sample(slot, slot.placed, sources[slot.request.source]) for slot in slots if slot.placed is not None
    ]
    if settings.transform is not None:
        samples = [dict(settings.transform(sample)) for sample in samples]
    names = list(dict.fromkeys(name for sample in samples for name in sample))
    batch: dict[str, Any] = {}
    for name in names:
        values = [sample.get(name) for sample in samples]
        batch[name] = _collect(name, values, buffer, settings, batch)
    return batch if settings.transform_batch is None else settings.transform_batch(batch)


def _make_sample(slot: Slot, placed: PlacedClip, source: ClipSource) -> dict[str, Any]:
    """Return one clip as a dict: pictures, which frames they are, and what the other tensors hold."""
    return {
        source.video: placed.out,
        "row": np.int64(slot.row),
        "frames": placed.clip.frames,
        "timestamps": placed.cell.frame_index().seconds(placed.clip.frames),
        "is_pad": placed.clip.is_pad,
        **slot.values,
    }


def _collect(
    name: str, values: list[Any], buffer: NDArray[np.uint8] | None, settings: LoaderSettings, batch: dict[str, Any]
) -> Any:
    """Return the values of all clips under one name; a mask is added to `batch` if they are padded."""
    if buffer is not None and _fills(values, buffer):
        return buffer
    if any(isinstance(value, np.ndarray) and value.ndim > 3 for value in values):
        return stack(values)
    joined = join(values)
    if settings.ragged == "pad" and isinstance(joined, list) and (padded := pad(joined)) is not None:
        joined, batch[f"{name}_mask"] = padded
    return joined


def _fills(values: list[Any], buffer: NDArray[np.uint8]) -> bool:
    """Return True if the values are the parts of the buffer, all of them and in order: nothing is to be copied."""
    return len(values) == len(buffer) and all(
        isinstance(value, np.ndarray) and value.base is buffer and value.__array_interface__ == part.__array_interface__
        for value, part in zip(values, buffer, strict=True)
    )

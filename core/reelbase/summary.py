"""The table that ``ds.summary()`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbase.dataset import Dataset
    from reelbase.tensor import Tensor

_HEAD = ("tensor", "htype", "rows", "shape of the first", "dtype", "compression")


def summarize(dataset: Dataset) -> str:
    """Name, htype, rows, first shape, dtype and compression of each tensor, as aligned text."""
    table = [_HEAD, *(_line(one) for one in dataset.tensors.values())]
    widths = [max(len(line[k]) for line in table) for k in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    lengths = {len(one) for one in dataset.tensors.values()}
    if len(lengths) > 1:
        lines.append(
            f"The tensors have different lengths ({min(lengths)} to {max(lengths)}): the last rows are ragged."
        )
    return "\n".join([repr(dataset), *lines])


def _line(tensor: Tensor) -> tuple[str, ...]:
    meta = tensor.meta
    return (
        tensor.name,
        tensor.htype,
        str(len(tensor)),
        _first_shape(tensor),
        str(meta["dtype"] or "-"),
        str(meta["sample_compression"] or "-"),
    )


def _first_shape(tensor: Tensor) -> str:
    if not len(tensor):
        return "-"
    first = tensor[0]
    return str(first.shape) if first.exists else "missing"

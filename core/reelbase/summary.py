"""The table that ``ds.summary()`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from reelbase._util.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class DescribedTensor(Protocol):
    """The attributes of a tensor that the table shows. `reelbase.Tensor` has them; it is in a higher layer."""

    @property
    def name(self) -> str:
        """Its name in the dataset."""

    @property
    def htype(self) -> str:
        """The kind of its items, such as ``"sequence[bbox]"``."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """Its settings, of which "dtype" and "sample_compression" are shown."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any) -> Any: ...


_COLUMNS = ("tensor", "htype", "rows", "shape of the first", "dtype", "compression")


def summarize(heading: str, tensors: Iterable[DescribedTensor]) -> str:
    """Return aligned text below `heading`: name, htype, rows, first shape, dtype and compression of each tensor."""
    tensors = list(tensors)
    table = [_COLUMNS, *(tuple(map(printable_line, _describe(tensor))) for tensor in tensors)]
    widths = [max(len(line[k]) for line in table) for k in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    lengths = {len(tensor) for tensor in tensors}
    if len(lengths) > 1:
        lines.append(
            f"The tensors have different lengths ({min(lengths)} to {max(lengths)}): the last rows are ragged."
        )
    return "\n".join([printable_line(heading), *lines])


def _describe(tensor: DescribedTensor) -> tuple[str, ...]:
    meta = tensor.meta
    return (
        tensor.name,
        tensor.htype,
        str(len(tensor)),
        _first_shape(tensor),
        str(meta["dtype"] or "-"),
        str(meta["sample_compression"] or "-"),
    )


def _first_shape(tensor: DescribedTensor) -> str:
    if not len(tensor):
        return "-"
    first = tensor[0]
    return str(first.shape) if first.exists else "missing"

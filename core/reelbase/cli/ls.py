"""``reelbase ls``: the rows of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, table
from reelbase.cli._selection import selection
from reelbase.cli._versions import add_ref
from reelbase.contracts.htype import brief
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset
    from reelbase.tensor import Tensor


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--tensor", action="append", metavar="NAME", help="only this tensor; may be repeated")
    parser.add_argument("--rows", type=selection, default=slice(None), help="such as 100:200; all by default")
    add_ref(parser, "the version")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the rows."""
    dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
    names = arguments.tensor or list(dataset.tensors)
    rows = [_row(dataset, at, names) for at in _numbers(len(dataset), arguments.rows)]
    text = table(("row", *names), [(row["row"], *(_shown(row[name]) for name in names)) for row in rows])
    emit(arguments, rows, text)
    return 0


def _numbers(count: int, rows: int | slice | list[int]) -> list[int]:
    every = range(count)
    if isinstance(rows, slice):
        return list(every[rows])
    wanted = [rows] if isinstance(rows, int) else rows
    for at in wanted:
        if not -count <= at < count:
            raise UsageError(f"Row {at} is out of range: there are {count}.", "Write --rows 0:10, say.")
    return [every[at] for at in wanted]


def _row(dataset: Dataset, at: int, names: list[str]) -> dict[str, Any]:
    return {"row": at, **{name: _sample(dataset[name], at) for name in names}}


def _sample(tensor: Tensor, at: int) -> dict[str, Any] | None:
    """Shape and, of a media file, its name; of a single value the value. None: there is no sample."""
    if at >= len(tensor) or not tensor[at].exists:
        return None
    view = tensor[at]
    try:
        return {"shape": view.shape, "filename": view.sample_info.get("filename")}
    except UsageError:  # not a media file
        return {"shape": view.shape} | ({"value": view.numpy().tolist()[0]} if view.shape == (1,) else {})


def _shown(sample: dict[str, Any] | None) -> str:
    if sample is None:
        return "-"
    if "value" in sample:
        return brief(sample["value"])
    return f"{sample['shape']} {sample.get('filename') or ''}".strip()

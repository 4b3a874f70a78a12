"""``reelbase ls``: list the rows of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, format_table
from reelbase.cli._selection import add_rows, select_rows
from reelbase.cli._versions import add_ref
from reelbase.errors import UsageError
from reelbase.plugin import brief

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset
    from reelbase.tensor import Tensor


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--tensor", action="append", metavar="NAME", help="list only this tensor; may be repeated")
    add_rows(parser, "list")
    add_ref(parser, "the version to list")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the rows."""
    dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
    names = arguments.tensor or list(dataset.tensors)
    rows = [_describe_row(dataset, row, names) for row in select_rows(dataset, arguments).numbers]
    text = format_table(("row", *names), [(row["row"], *(_format(row[name]) for name in names)) for row in rows])
    emit(arguments, rows, text)
    return 0


def _describe_row(dataset: Dataset, row: int, names: list[str]) -> dict[str, Any]:
    return {"row": row, **{name: _describe_sample(dataset[name], row) for name in names}}


def _describe_sample(tensor: Tensor, row: int) -> dict[str, Any] | None:
    """Return the shape, and the file name of a media file or the value of a single number; None without a sample."""
    if row >= len(tensor) or not tensor[row].exists:
        return None
    view = tensor[row]
    try:
        return {"shape": view.shape, "filename": view.sample_info.get("filename")}
    except UsageError:  # not a media file
        return {"shape": view.shape} | ({"value": view.numpy().tolist()[0]} if view.shape == (1,) else {})


def _format(sample: dict[str, Any] | None) -> str:
    if sample is None:
        return "-"
    if "value" in sample:
        return brief(sample["value"])
    return f"{sample['shape']} {sample.get('filename') or ''}".strip()

"""``reelbase copy``: copy a dataset, or a part of it, to a new dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._output import add_json, emit, format_count, format_size
from reelbase.cli._progress import transfer
from reelbase.cli._selection import add_rows, select_rows
from reelbase.cli._versions import add_ref
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset

_EPILOG = """Files are copied byte for byte, without decoding. If a copy is interrupted, run the same command again to
continue it."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SRC", help="a dataset")
    parser.add_argument(
        "dest", metavar="DEST", help="path of the new dataset; it must not exist, except for an interrupted copy"
    )
    parser.add_argument("--tensor", action="append", metavar="NAME", help="copy only this tensor; may be repeated")
    add_rows(parser, "copy")
    add_ref(parser, "the version to copy")
    parser.add_argument("--history", action="store_true", help="copy all versions, branches and tags")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy with a progress bar."""
    parts = (arguments.tensor, arguments.rows, arguments.where, arguments.ref)
    if arguments.history and any(part is not None for part in parts):
        raise UsageError("--history copies everything.", "Leave out --tensor, --rows, --where and --ref.")
    source = api.load(arguments.source, read_only=True, ref=arguments.ref)
    with transfer("copy") as bar:
        copy = source.copy(
            arguments.dest,
            tensors=arguments.tensor,
            rows=None if arguments.history else select_rows(source, arguments),
            history=arguments.history,
            progress=bar,
        )
    result = {
        "path": copy.path,
        "rows": len(copy),
        "tensors": list(copy.tensors),
        "branches": copy.branches,
        "bytes": bar.total,
    }
    emit(arguments, result, _format(copy, bar.total))
    return 0


def _format(copy: Dataset, total: int) -> str:
    what = f"{format_count(len(copy), 'row')} of {format_count(len(copy.tensors), 'tensor')}"
    return f"{what} ({format_size(total)}): {copy.path}"

"""``reelbase copy``: copy a dataset, or some of it, to a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._output import add_json, emit, several, size
from reelbase.cli._progress import transfer
from reelbase.cli._selection import selection
from reelbase.cli._versions import add_ref
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset

_EPILOG = """Files go over byte for byte; nothing is decoded. A copy that was cut short goes on where it stopped when
the same command is given again. Rows that begin with a minus: --rows=-100: ."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SRC", help="a dataset")
    parser.add_argument(
        "dest", metavar="DEST", help="where to: nothing may be there but the beginning of the same copy"
    )
    parser.add_argument("--tensor", action="append", metavar="NAME", help="only this tensor; may be repeated")
    parser.add_argument("--rows", type=selection, help="only these, such as 100:200 or 1,5,9")
    add_ref(parser, "the version to copy")
    parser.add_argument("--history", action="store_true", help="copy all versions, branches and tags")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy, with a progress bar."""
    if arguments.history and (arguments.tensor, arguments.rows, arguments.ref) != (None, None, None):
        raise UsageError("--history copies everything.", "Leave out --tensor, --rows and --ref.")
    source = api.load(arguments.source, read_only=True, ref=arguments.ref)
    with transfer("copy") as moved:
        copy = source.copy(
            arguments.dest,
            tensors=arguments.tensor,
            rows=arguments.rows,
            history=arguments.history,
            progress=moved,
        )
    facts = {
        "path": copy.path,
        "rows": len(copy),
        "tensors": list(copy.tensors),
        "branches": copy.branches,
        "bytes": moved.total,
    }
    emit(arguments, facts, _text(copy, moved.total))
    return 0


def _text(copy: Dataset, total: int) -> str:
    what = f"{several(len(copy), 'row')} of {several(len(copy.tensors), 'tensor')}"
    return f"{what} ({size(total)}): {copy.path}"

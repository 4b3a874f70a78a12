"""``reelbase diff``: what is different between two versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase import api
from reelbase.cli._output import add_json, emit, lines
from reelbase.cli._versions import REF

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from reelbase.versions.diff import Diff, TensorDiff

_CHANGES = ("added", "updated", "deleted")
MAX_ROWS_SHOWN = 8
_EPILOG = """Rows are numbered as in B, deleted ones as in A; 3:6 are the rows 3, 4 and 5. --json names every row."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("a", metavar="A", help=REF)
    parser.add_argument("b", metavar="B", nargs="?", help="likewise (default: the newest of main)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare."""
    diff = api.load(arguments.path, read_only=True).diff(arguments.a, arguments.b)
    emit(arguments, _facts(diff), _text(diff))
    return 0


def _facts(diff: Diff) -> dict[str, Any]:
    tensors = {name: {change: getattr(one, change) for change in _CHANGES} for name, one in diff.tensors.items()}
    return {**vars(diff), "tensors": tensors}


def _text(diff: Diff) -> str:
    changes = [
        *(f"tensor {name} created" for name in diff.created),
        *(f"tensor {name} deleted" for name in diff.dropped),
        *(f"tensor {old} renamed {new}" for old, new in diff.renamed.items()),
        *(f"info {key} changed" for key in diff.info),
        *(f"{name}: {_rows(one)}" for name, one in diff.tensors.items()),
    ]
    return lines([f"{diff.a} -> {diff.b}", *(f"  {change}" for change in changes or ["no difference"])])


def _rows(one: TensorDiff) -> str:
    changes = ((change, getattr(one, change)) for change in _CHANGES)
    return ", ".join(f"{len(rows)} {change} ({_runs(rows)})" for change, rows in changes if len(rows))


def _runs(rows: NDArray[np.int64]) -> str:
    """Row numbers, successive ones as a slice, and no more of them than a line holds."""
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)]
    shown = ", ".join(str(start) if stop - start == 1 else f"{start}:{stop}" for start, stop in runs[:MAX_ROWS_SHOWN])
    return f"{shown}, …" if len(runs) > MAX_ROWS_SHOWN else shown

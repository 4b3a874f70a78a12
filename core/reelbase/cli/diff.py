"""``reelbase diff``: show the differences between two versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase import api
from reelbase.cli._output import add_json, emit, format_lines
from reelbase.cli._versions import REF

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from reelbase.versions.diff import Diff, TensorDiff

_CHANGES = ("added", "updated", "deleted")
MAX_ROWS_SHOWN = 8
_EPILOG = """Row numbers are those of B, and those of A for deleted rows; 3:6 means the rows 3, 4 and 5. --json lists
every row."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("a", metavar="A", help=REF)
    parser.add_argument("b", metavar="B", nargs="?", help="the version to compare with (default: the newest of main)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare two versions."""
    diff = api.load(arguments.path, read_only=True).diff(arguments.a, arguments.b)
    emit(arguments, _diff_to_json(diff), _format(diff))
    return 0


def _diff_to_json(diff: Diff) -> dict[str, Any]:
    tensors = {name: {change: getattr(tensor, change) for change in _CHANGES} for name, tensor in diff.tensors.items()}
    return {**vars(diff), "tensors": tensors}


def _format(diff: Diff) -> str:
    lines = [
        *(f"tensor {name} created" for name in diff.created),
        *(f"tensor {name} deleted" for name in diff.dropped),
        *(f"tensor {old} renamed {new}" for old, new in diff.renamed.items()),
        *(f"info {key} changed" for key in diff.info),
        *(f"setting {key} changed" for key in diff.settings),
        *(f"{name}: {_format_changes(tensor)}" for name, tensor in diff.tensors.items()),
    ]
    return format_lines([f"{diff.a} -> {diff.b}", *(f"  {line}" for line in lines or ["no difference"])])


def _format_changes(tensor: TensorDiff) -> str:
    changes = ((change, getattr(tensor, change)) for change in _CHANGES)
    return ", ".join(f"{len(rows)} {change} ({_format_rows(rows)})" for change, rows in changes if len(rows))


def _format_rows(rows: NDArray[np.int64]) -> str:
    """Return row numbers as text: consecutive ones as a slice, and at most `MAX_ROWS_SHOWN` of these."""
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)]
    shown = ", ".join(str(start) if stop - start == 1 else f"{start}:{stop}" for start, stop in runs[:MAX_ROWS_SHOWN])
    return f"{shown}, …" if len(runs) > MAX_ROWS_SHOWN else shown

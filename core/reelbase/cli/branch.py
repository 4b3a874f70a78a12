"""``reelbase branch``: list branches, or make one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, table
from reelbase.cli._versions import REF, current, facts, told
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from reelbase.versions.version import Version

_EPILOG = """A new branch copies nothing. Names are of a-z, 0-9, ".", "_" and "-", and are never free again."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase branch DATASET [NAME [--at REF]] [--json]"
    parser.epilog = _EPILOG
    parser.add_argument("path", metavar="DATASET", help="a dataset")
    parser.add_argument("name", metavar="NAME", nargs="?", help="make this branch; without it, branches are listed")
    parser.add_argument("--at", metavar="REF", help=f"where it starts: {REF} (default: the newest of main)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List, or make one."""
    if arguments.name is not None:
        made = api.load(arguments.path).history.create_branch(arguments.name, arguments.at)
        emit(arguments, facts(made), f"Branch {made.branch} starts at {made.parent or 'nothing'}.")
        return 0
    if arguments.at is not None:
        raise UsageError("--at says where a new branch starts, and none is named.", "Give it a name.")
    dataset = api.load(arguments.path, read_only=True)
    heads = [(name, current(dataset.history.at(name))) for name in dataset.branches]
    emit(arguments, [{"name": name, "newest": head and facts(head)} for name, head in heads], _text(heads))
    return 0


def _text(heads: list[tuple[str, Version | None]]) -> str:
    lines: list[tuple[Any, ...]] = [(name, *(("-", "", "") if head is None else told(head))) for name, head in heads]
    return table(("branch", "newest", "time", "message"), lines)

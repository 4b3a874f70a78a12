"""``reelbase branch``: list branches, or create one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, format_table
from reelbase.cli._versions import REF, find_current, format_version, version_to_json
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from reelbase.versions.version import Version

_EPILOG = """A new branch copies no data. Names consist of a-z, 0-9, ".", "_" and "-". A name cannot be used a second
time."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase branch DATASET [NAME [--at REF]] [--json]"
    parser.epilog = _EPILOG
    parser.add_argument("path", metavar="DATASET", help="a dataset")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="name of the branch to create; without it, branches are listed"
    )
    parser.add_argument(
        "--at", metavar="REF", help=f"version that the branch starts at: {REF} (default: the newest of main)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the branches, or create one."""
    if arguments.name is not None:
        branch = api.load(arguments.path).history.create_branch(arguments.name, arguments.at)
        text = f"Branch {branch.branch} starts at {branch.parent or 'nothing'}."
        emit(arguments, version_to_json(branch), text)
        return 0
    if arguments.at is not None:
        raise UsageError("--at says where a new branch starts, but the name of the branch is missing.", "Add its name.")
    dataset = api.load(arguments.path, read_only=True)
    heads = [(name, find_current(dataset.history.at(name))) for name in dataset.branches]
    result = [{"name": name, "newest": head and version_to_json(head)} for name, head in heads]
    emit(arguments, result, _format(heads))
    return 0


def _format(heads: list[tuple[str, Version | None]]) -> str:
    lines: list[tuple[Any, ...]] = [
        (name, *(("-", "", "") if head is None else format_version(head))) for name, head in heads
    ]
    return format_table(("branch", "newest", "time", "message"), lines)

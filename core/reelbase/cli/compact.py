"""``reelbase compact``: merge small objects."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._output import add_json, emit, format_size

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.compact import Compaction

_EPILOG = """This makes a commit that changes no sample. The old objects are kept for older versions, until these have
expired and are deleted; see reelbase gc."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--branch", metavar="NAME", help="compact this branch (default: main)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compact, and print what was rewritten."""
    done = api.load(arguments.path, ref=arguments.branch).maintenance.compact()
    emit(arguments, asdict(done), _format(done))
    return 0


def _format(done: Compaction) -> str:
    if not done:
        return "Nothing to compact."
    entries = f"{done.entries_before} index entries became {done.entries}"
    return f"{', '.join(done.tensors)}: {entries}, {format_size(done.bytes_written)} of samples rewritten."

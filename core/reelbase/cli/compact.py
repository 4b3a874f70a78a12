"""``reelbase compact``: lay small pieces together."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._output import add_json, emit, size

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.compact import Compaction

_EPILOG = """It is an ordinary commit, and no sample changes by it. Older versions keep the old objects until they
expire and are collected; see reelbase gc."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--branch", metavar="NAME", help="compact this branch (default: main)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compact, and say what was rewritten."""
    done = api.load(arguments.path, ref=arguments.branch).maintenance.compact()
    emit(arguments, asdict(done), _text(done))
    return 0


def _text(done: Compaction) -> str:
    if not done:
        return "Nothing was worth it."
    entries = f"{done.entries_before} index entries became {done.entries}"
    return f"{', '.join(done.tensors)}: {entries}, {size(done.bytes_written)} of samples rewritten."

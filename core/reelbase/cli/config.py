"""``reelbase config``: list all settings, their values, and where these come from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from reelbase.cli._output import add_json, emit, format_table, say
from reelbase.cli._storage_options import explain_storages
from reelbase.config import settings

if TYPE_CHECKING:
    import argparse


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the settings, and the options of storages, which are checked."""
    lines, problems = explain_storages(settings().explain())
    cells = [(line.key, line.value, line.origin, line.doc) for line in lines]
    text = format_table(("setting", "value", "from", "meaning"), cells)
    emit(arguments, [asdict(line) for line in lines], text)
    for problem in problems:
        say(problem)
    return 1 if problems else 0

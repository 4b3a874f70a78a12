"""Serving a viewer for as long as the command runs."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from reelbase.cli._output import add_json, emit, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from reelbase.contracts.viewer import Shown


def add_browser(parser: argparse.ArgumentParser) -> None:
    """The options of commands that show something."""
    parser.add_argument("--no-browser", action="store_true", help="only write the address")
    add_json(parser)


def serve(arguments: argparse.Namespace, show: Callable[[bool], Shown]) -> int:
    """Show it, write where, and wait for the user to end it."""
    with show(not arguments.no_browser) as shown:
        emit(arguments, {"url": shown.url}, shown.url)
        say("Ctrl-C ends it.")
        sys.stdout.flush()  # whoever reads the address from a pipe waits for it
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("")
    return 0

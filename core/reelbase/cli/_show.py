"""Serving of a viewer while a command runs."""

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
    """Add the options of commands that show something in the browser."""
    parser.add_argument("--no-browser", action="store_true", help="print the address, but do not open a browser")
    add_json(parser)


def serve(arguments: argparse.Namespace, show: Callable[[bool], Shown]) -> int:
    """Show something, print its address, and wait for Ctrl-C.

    Args:
        arguments: Arguments of the command.
        show: Opens the viewer; it is passed whether to open a browser.
    """
    with show(not arguments.no_browser) as shown:
        emit(arguments, {"url": shown.url}, shown.url)
        say("Press Ctrl-C to stop.")
        sys.stdout.flush()  # a program that reads the address from a pipe needs it now
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("")
    return 0

"""``reelbase view``: show a dataset in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._show import add_browser, serve
from reelbase.cli._versions import add_ref

if TYPE_CHECKING:
    import argparse

_EPILOG = """A filter compares tensors with values: "labels == 'cat' and count(boxes) > 3". The page can only be opened
on this machine, with the printed address, which contains a token."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--where", default="", metavar="FILTER", help="filter that the page starts with")
    add_ref(parser, "the version to show")
    add_browser(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
    return serve(arguments, lambda browser: dataset.visualize(arguments.where, open_browser=browser))

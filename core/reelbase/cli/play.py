"""``reelbase play``: show one video in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._selection import accept_minus
from reelbase.cli._show import add_browser, serve
from reelbase.cli._versions import add_ref
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from reelbase.view import Readable


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase play (DATASET TENSOR ROW | FILE) [options]"
    parser.add_argument("what", nargs="+", metavar="WHAT", help="DATASET TENSOR ROW, or FILE")
    accept_minus(parser)
    add_ref(parser, "the version of the dataset")
    add_browser(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    video = _select_video(arguments.what, arguments.ref)
    return serve(arguments, lambda browser: video.play(open_browser=browser))


def _select_video(words: list[str], ref: str | None) -> Readable:
    if len(words) == 1 and ref is None:
        return api.read(words[0], check="none")
    if len(words) != 3 or not words[2].lstrip("-").isdigit():
        raise UsageError(f"{' '.join(words)!r} does not name a video.", "Write DATASET TENSOR ROW, or FILE.")
    video: Readable = api.load(words[0], read_only=True, ref=ref)[words[1]][int(words[2])]
    return video

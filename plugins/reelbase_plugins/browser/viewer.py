"""What opens the page."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import TYPE_CHECKING

from reelbase.plugin import Shown, Viewer
from reelbase_plugins.browser.server import Server

if TYPE_CHECKING:
    from reelbase.plugin import ViewerSource


class Page(Shown):
    """A page that is being served.

    Attributes:
        url: Its address, with the token that opens it: whoever has it, on this machine, can look.
    """

    def __init__(self, showing: ViewerSource) -> None:
        self._server = Server(showing)
        self.url = self._server.url

    def close(self) -> None:
        """Serve no more."""
        self._server.close()

    def __repr__(self) -> str:
        return f"Page({self.url!r})"


class Browser(Viewer):
    """Serves a page on the loopback interface, and opens it."""

    def show(self, showing: ViewerSource, *, open_browser: bool) -> Shown:
        """See `Viewer.show`."""
        page = Page(showing)
        if open_browser and not (_has_screen() and webbrowser.open(page.url)):
            print(f"No browser could be opened here. Open {page.url} yourself.", file=sys.stderr)  # noqa: T201
        return page


def _has_screen() -> bool:
    """Whether a browser would have a window: one of text would take over the terminal."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))

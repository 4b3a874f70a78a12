"""The viewer that opens the page in the browser."""

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
        url: Address of the page. It contains a token: everybody on this machine who knows the address can see the page.
    """

    def __init__(self, source: ViewerSource) -> None:
        self._server = Server(source)
        self.url = self._server.url

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def __repr__(self) -> str:
        return f"Page({self.url!r})"


class Browser(Viewer):
    """Serves a page on the loopback interface and opens it in the browser."""

    def show(self, source: ViewerSource, *, open_browser: bool) -> Shown:
        """Serve the page and open it. If no browser can be opened, print its address."""
        page = Page(source)
        if open_browser and not (_has_screen() and webbrowser.open(page.url)):
            print(f"No browser could be opened here. Open {page.url} yourself.", file=sys.stderr)  # noqa: T201
        return page


def _has_screen() -> bool:
    """Return True if a browser would open a window, and not take over the terminal as a text browser does."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))

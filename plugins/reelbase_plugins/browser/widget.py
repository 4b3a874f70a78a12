"""The page in the output of a notebook cell: an anywidget that sends its requests over the channel to the kernel.

That channel works in all notebooks (JupyterLab, Notebook 7, hubs behind proxies) and does not open a port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anywidget

from reelbase.errors import ReelbaseError
from reelbase.plugin import Shown, Viewer
from reelbase_plugins.browser.assets import build_module
from reelbase_plugins.browser.routes import Routes, describe_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.plugin import ViewerSource

MAX_MESSAGE_BYTES: Final = 1 << 20  #: proxies in front of notebooks refuse large messages


class Widget(anywidget.AnyWidget):
    """The page, and the answers to its requests."""

    _esm = build_module()

    def __init__(self, source: ViewerSource) -> None:
        super().__init__()
        self._routes = Routes(source)
        self.on_msg(self._answer)

    def _answer(self, _: Any, request: Mapping[str, Any], __: Any) -> None:
        reply = {"id": request["id"]}
        path, _, query = str(request["path"]).partition("?")
        try:
            answer = self._routes.answer(path, query)
        except ReelbaseError as error:
            self.send({**reply, "error": describe_error(error)})
            return
        except Exception as error:
            self.send({**reply, "error": f"{type(error).__name__}: see the kernel's log"})
            raise
        if answer is None:
            self.send({**reply, "error": "there is no such request"})
            return
        body = memoryview(answer.body)
        for start in range(0, max(len(body), 1), MAX_MESSAGE_BYTES):
            self.send(
                {**reply, "last": start + MAX_MESSAGE_BYTES >= len(body)}, [body[start : start + MAX_MESSAGE_BYTES]]
            )


class OutputCell(Shown):
    """A page in the output of a cell. It does not have an address.

    Attributes:
        widget: The widget. To show it in another cell, call ``display(shown.widget)``.
    """

    def __init__(self, source: ViewerSource) -> None:
        self.widget = Widget(source)

    def close(self) -> None:
        """Remove the page from the output."""
        self.widget.close()


class Notebook(Viewer):
    """Shows the page in the output of the running cell."""

    def show(self, source: ViewerSource, *, open_browser: bool) -> Shown:
        """Show the page in the output of the running cell."""
        cell = OutputCell(source)
        if open_browser:
            # Where widgets cannot be shown, as in a saved notebook, the static preview is shown.
            from IPython import display

            data, _ = cell.widget._repr_mimebundle_() or ({}, {})
            display.publish_display_data({**data, "text/html": source.html_preview()})  # type: ignore[no-untyped-call]
        return cell

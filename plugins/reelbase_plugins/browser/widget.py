"""The page in the output of a notebook's cell: an anywidget, whose questions come over the channel to its kernel.

That channel is there wherever the notebook is (JupyterLab, Notebook 7, hubs behind proxies), and opens no port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anywidget

from reelbase.errors import ReelbaseError
from reelbase.plugin import Shown, Viewer
from reelbase_plugins.browser.assets import module
from reelbase_plugins.browser.routes import Answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.plugin import ViewerSource

_PIECE: Final = 1 << 20  # bytes of one message: proxies refuse large ones


class Widget(anywidget.AnyWidget):
    """The page, and what it asks."""

    _esm = module()

    def __init__(self, showing: ViewerSource) -> None:
        super().__init__()
        self._answers = Answers(showing)
        self.on_msg(self._answer)

    def _answer(self, _: Any, question: Mapping[str, Any], __: Any) -> None:
        told = {"id": question["id"]}
        path, _, query = str(question["path"]).partition("?")
        try:
            found = self._answers.ask(path, query)
        except ReelbaseError as error:
            self.send({**told, "error": str(error).partition("\n")[0]})
            return
        except Exception as error:
            self.send({**told, "error": f"{type(error).__name__}: see the kernel's log"})
            raise
        if found is None:
            self.send({**told, "error": "there is no such thing"})
            return
        body = memoryview(found.body)
        for start in range(0, max(len(body), 1), _PIECE):
            self.send({**told, "last": start + _PIECE >= len(body)}, [body[start : start + _PIECE]])


class Cell(Shown):
    """A page in the output of a cell; it has no address.

    Attributes:
        widget: To be put elsewhere again: ``display(shown.widget)``.
    """

    def __init__(self, showing: ViewerSource) -> None:
        self.widget = Widget(showing)

    def close(self) -> None:
        """Take it out of the output."""
        self.widget.close()


class Notebook(Viewer):
    """Shows in the output of the cell that runs."""

    def show(self, showing: ViewerSource, *, open_browser: bool) -> Shown:
        """See `Viewer.show`."""
        cell = Cell(showing)
        if open_browser:
            # What shows no widgets, such as a page that keeps the notebook, has the pictures of the glance.
            from IPython import display

            data, _ = cell.widget._repr_mimebundle_() or ({}, {})
            display.publish_display_data({**data, "text/html": showing.html_preview()})  # type: ignore[no-untyped-call]
        return cell

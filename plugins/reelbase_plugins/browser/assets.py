"""The page's files: one by one for a browser, and joined into one module for a notebook's widget."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
#: Each file is listed after those that it imports.
_MODULES: Final = (
    "carrier.js", "video.js", "pictures.js", "packets.js", "sources.js", "tracks.js", "stage.js", "timeline.js",
    "grid.js", "app.js", "controls.js",
)  # fmt: skip
_SERVED: Final = {"index.html", "style.css", "icon.svg", "main.js", *_MODULES}
_IMPORT: Final = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?!default)", re.MULTILINE)
_BODY: Final = re.compile(r"<body>(.*)</body>", re.DOTALL)


def load_asset(name: str) -> tuple[bytes, str] | None:
    """A file of the page and its media type; None if there is no file of that name."""
    name = name or "index.html"
    return (_text(name).encode(), _TYPES[name.rpartition(".")[2]]) if name in _SERVED else None


@cache
def build_module() -> str:
    """The whole page as one JavaScript module, as anywidget needs it. Joining files takes no bundler."""
    body = _BODY.search(_text("index.html"))
    assert body is not None  # noqa: S101 - our own file
    constants = {"MARKUP": body[1], "STYLE": _text("style.css")}
    lines = [f"const {name} = {json.dumps(text)};\n" for name, text in constants.items()]
    return "".join([*lines, *(_EXPORT.sub("", _IMPORT.sub("", _text(name))) for name in (*_MODULES, "widget.js"))])


def _text(name: str) -> str:
    return (files("reelbase_plugins.browser") / "page" / name).read_text("utf-8")
